// Packed weights for tests.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/packed_weight.h"

namespace molmo::test {

// Every row rounded to the nearest codes of one scale; group scales of q4 differ, to see that they are used.
inline at::Tensor pack(const at::Tensor& dense, kernels::PackedType type) {
  const kernels::PackedShape shape{type, dense.size(0), dense.size(1)};
  at::Tensor packed = at::empty({shape.num_panels(), shape.panel_bytes()}, at::kByte);
  auto* bytes = packed.mutable_data_ptr<uint8_t>();
  kernels::zero_packed(shape, bytes);
  const at::Tensor values = dense.to(at::kFloat).contiguous();
  for (int64_t row = 0; row < shape.out_features; ++row) {
    const float* x = values.const_data_ptr<float>() + row * shape.in_features;
    std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()));
    std::vector<uint8_t> group_scales(static_cast<size_t>(shape.padded_in() / kernels::kPackedGroup));
    const float row_scale = values[row].abs().max().item<float>() / (type == kernels::PackedType::Q8 ? 127.0f : 105.0f);
    for (size_t group = 0; group < group_scales.size(); ++group)
      group_scales[group] = static_cast<uint8_t>(15 - group % 2);
    for (int64_t k = 0; k < shape.in_features; ++k) {
      const float step =
          type == kernels::PackedType::Q8
              ? row_scale
              : row_scale * static_cast<float>(group_scales[static_cast<size_t>(k / kernels::kPackedGroup)]);
      const float limit = type == kernels::PackedType::Q8 ? 127.0f : 7.0f;
      codes[static_cast<size_t>(k)] = static_cast<int8_t>(std::clamp(std::nearbyint(x[k] / step), -limit, limit));
    }
    kernels::write_packed_row(shape, bytes, row, {row_scale, group_scales.data(), codes.data()});
  }
  return packed;
}

}  // namespace molmo::test
