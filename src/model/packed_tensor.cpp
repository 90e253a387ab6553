#include "model/packed_tensor.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace molmo::model {

using at::Tensor;
using kernels::PackedShape;
using kernels::PackedType;

PackedShape packed_shape(const Tensor& packed, int64_t out_features, int64_t in_features, std::string_view what) {
  const bool is_matrix = is_packed(packed) && packed.is_cpu() && packed.dim() == 2 && packed.is_contiguous();
  const auto type =
      is_matrix ? kernels::packed_type(out_features, in_features, packed.size(0), packed.size(1)) : std::nullopt;
  if (type) return {*type, out_features, in_features};
  const PackedShape q8{PackedType::Q8, out_features, in_features}, q4{PackedType::Q4, out_features, in_features};
  fail(ErrorCategory::InvalidArgument,
       "{}: expected {}x{} packed as uint8 {}x{} (q8) or {}x{} (q4) on the CPU, found {} {}", what, out_features,
       in_features, q8.num_panels(), q8.panel_bytes(), q4.num_panels(), q4.panel_bytes(),
       toString(packed.scalar_type()), fmt::join(packed.sizes(), "x"));
}

Tensor unpack_rows(const Tensor& packed, const PackedShape& shape, const Tensor& ids) {
  constexpr int64_t kRowsPerTask = 64;
  const Tensor own_ids = ids.contiguous();
  const int64_t num_rows = own_ids.numel();
  Tensor rows = at::empty({num_rows, shape.in_features}, at::kFloat);
  const int64_t* numbers = own_ids.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < num_rows; ++i) {
    if (numbers[i] < 0 || numbers[i] >= shape.out_features)
      fail(ErrorCategory::InvalidArgument, "row {} of a packed matrix of {} was asked for", numbers[i], shape.out_features);
  }
  const uint8_t* bytes = packed.const_data_ptr<uint8_t>();
  float* values = rows.mutable_data_ptr<float>();
  at::parallel_for(0, num_rows, kRowsPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      kernels::read_packed_row(shape, bytes, numbers[i], values + i * shape.in_features);
  });
  return rows;
}

Tensor unpack(const Tensor& packed, const PackedShape& shape) {
  return unpack_rows(packed, shape, at::arange(shape.out_features));
}

}  // namespace molmo::model
