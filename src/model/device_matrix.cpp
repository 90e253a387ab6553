#include "model/device_matrix.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_convert_weight_to_int4pack.h>
#include <ATen/ops/_convert_weight_to_int4pack_for_cpu.h>
#include <ATen/ops/_weight_int4pack_mm.h>
#include <ATen/ops/_weight_int4pack_mm_for_cpu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

namespace molmo::model {
namespace {

using kernels::kPackedGroup;
using kernels::kPanelRows;
using kernels::PackedShape;
using kernels::PackedType;

constexpr int64_t kOutMultiple = 16;  // of libtorch's kernels

// The parts of packed_weight.h, rows of zeros at the end and all.
at::Tensor row_scales(const at::Tensor& panels) {  // [rows, 1]
  return panels.narrow(1, 0, kPanelRows * 4).contiguous().view(at::kFloat).view({-1, 1});
}

// The low and the high half of each byte, side by side along a new axis.
at::Tensor halves(const at::Tensor& bytes, int64_t axis) {
  return at::stack({bytes.bitwise_and(15), bytes.bitwise_right_shift(4)}, axis);
}

at::Tensor codes_of(const PackedShape& shape, const at::Tensor& panels) {  // uint8 [rows, K]
  const int64_t k = shape.padded_in(), num_panels = panels.size(0);
  const at::Tensor bytes = panels.narrow(1, shape.header_bytes(), shape.panel_bytes() - shape.header_bytes());
  if (shape.type == PackedType::Q8)
    return bytes.reshape({num_panels, k / 4, kPanelRows, 4}).transpose(1, 2).reshape({-1, k});
  const at::Tensor pairs = bytes.reshape({num_panels, k / 8, kPanelRows, 4}).transpose(1, 2);
  return halves(pairs, 3).reshape({-1, k});
}

// Of q4: row_scale * group_scale, float32 [rows, K / 32].
at::Tensor group_scales(const PackedShape& shape, const at::Tensor& panels) {
  const int64_t num_groups = shape.padded_in() / kPackedGroup;
  const at::Tensor pairs = panels.narrow(1, 64, num_groups * kPanelRows / 2);
  const at::Tensor of_panel = halves(pairs.reshape({panels.size(0), num_groups, kPanelRows / 2}), -1);
  return of_panel.reshape({panels.size(0), num_groups, kPanelRows}).transpose(1, 2).reshape({-1, num_groups}) *
         row_scales(panels);
}

}  // namespace

at::Tensor unpack_on_device(const PackedShape& shape, const at::Tensor& panels) {
  at::Tensor weight;
  if (shape.type == PackedType::Q8) {
    weight = (codes_of(shape, panels).to(at::kFloat) - 128) * row_scales(panels);
  } else {
    const at::Tensor groups = codes_of(shape, panels).view({-1, shape.padded_in() / kPackedGroup, kPackedGroup});
    weight = ((groups.to(at::kFloat) - 8) * group_scales(shape, panels).unsqueeze(-1)).flatten(1);
  }
  return weight.narrow(0, 0, shape.out_features).narrow(1, 0, shape.in_features).to(at::kBFloat16).contiguous();
}

std::optional<Int4Weight> to_int4_weight(const PackedShape& shape, const at::Tensor& panels) {
  const int64_t in = shape.in_features, out = shape.out_features;
  const bool has_kernel = panels.is_cuda() || panels.is_cpu();
  if (shape.type != PackedType::Q4 || !has_kernel || in % kPackedGroup != 0 || out % kOutMultiple != 0)
    return std::nullopt;
  const at::Tensor codes = codes_of(shape, panels).narrow(0, 0, out);
  const at::Tensor scales = group_scales(shape, panels).narrow(0, 0, out).t().to(at::kBFloat16);
  Int4Weight weight{.codes = {}, .scales_and_zeros = at::stack({scales, at::zeros_like(scales)}, -1).contiguous()};
  // As many tiles of 16 columns at a time as the width allows.
  const int64_t tiles = in % 128 == 0 ? 8 : in % 64 == 0 ? 4 : 2;
  if (panels.is_cpu()) {
    weight.codes = at::_convert_weight_to_int4pack_for_cpu(codes.to(at::kInt), tiles);
  } else {
    const at::Tensor pairs = codes.view({out, in / 2, 2});
    weight.codes = at::_convert_weight_to_int4pack(
        pairs.select(2, 0).bitwise_left_shift(4).bitwise_or(pairs.select(2, 1)).contiguous(), tiles);
  }
  return weight;
}

at::Tensor int4_linear(const at::Tensor& x, const Int4Weight& weight, int64_t out) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)}).to(at::kBFloat16).contiguous();
  const at::Tensor y = rows.is_cpu()
                           ? at::_weight_int4pack_mm_for_cpu(rows, weight.codes, kPackedGroup, weight.scales_and_zeros)
                           : at::_weight_int4pack_mm(rows, weight.codes, kPackedGroup, weight.scales_and_zeros);
  auto sizes = x.sizes().vec();
  sizes.back() = out;
  return y.view(sizes).to(x.scalar_type());
}

}  // namespace molmo::model
