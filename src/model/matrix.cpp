#include "model/matrix.h"

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "model/weight_scope.h"

namespace molmo::model {

using kernels::PackedShape;
using kernels::PackedType;

Matrix::Matrix(at::Tensor dense) : tensor_(std::move(dense)), out_(tensor_.size(0)), in_(tensor_.size(1)) {}

Matrix Matrix::packed(at::Tensor tensor, int64_t out, int64_t in, std::string_view what, MatrixUse use) {
  const bool is_matrix = tensor.scalar_type() == at::kByte && tensor.dim() == 2 && tensor.is_contiguous();
  const auto type = is_matrix ? kernels::packed_type(out, in, tensor.size(0), tensor.size(1)) : std::nullopt;
  if (!type) {
    const PackedShape q8{PackedType::Q8, out, in}, q4{PackedType::Q4, out, in};
    fail(ErrorCategory::InvalidArgument,
         "{} is {} [{}], the configuration wants [{}, {}], which is uint8 [{}, {}] as q8 or [{}, {}] as q4. Hint: is "
         "this the configuration of another model?",
         what, toString(tensor.scalar_type()), fmt::join(tensor.sizes(), ", "), out, in, q8.num_panels(),
         q8.panel_bytes(), q4.num_panels(), q4.panel_bytes());
  }
  const PackedShape shape{*type, out, in};
  Matrix matrix;
  if (tensor.is_cpu()) {
    matrix.tensor_ = std::move(tensor);
    matrix.packed_ = shape;
  } else if (auto int4 = use == MatrixUse::Products ? to_int4_weight(shape, tensor) : std::nullopt) {
    matrix.tensor_ = int4->codes;
    matrix.int4_ = std::move(int4);
  } else {
    matrix.tensor_ = unpack_on_device(shape, tensor);
  }
  matrix.out_ = out;
  matrix.in_ = in;
  return matrix;
}

at::ScalarType Matrix::activation_type() const {
  if (int4_) return at::kBFloat16;
  return packed_ ? at::kFloat : model::activation_type(tensor_);
}

at::Tensor Matrix::rows(const at::Tensor& ids) const {
  if (!packed_) return at::embedding(tensor_, ids).to(activation_type());
  const at::Tensor numbers = ids.to(at::kLong).contiguous();
  const int64_t count = numbers.numel();
  auto sizes = ids.sizes().vec();
  sizes.push_back(in_);
  at::Tensor values = at::empty(sizes, at::kFloat);
  at::parallel_for(0, count, /*grain_size=*/64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = numbers.const_data_ptr<int64_t>()[i];
      if (row < 0 || row >= out_)
        fail(ErrorCategory::InvalidArgument, "row {} was asked of a matrix of {} rows", row, out_);
      kernels::read_packed_row(*packed_, tensor_.const_data_ptr<uint8_t>(), row,
                               values.mutable_data_ptr<float>() + i * in_);
    }
  });
  return values;
}

at::Tensor Matrix::unpacked() const {
  return packed_ ? rows(at::arange(out_)) : tensor_;
}

}  // namespace molmo::model
