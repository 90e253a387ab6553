// The truth: what every other version is compared with, and the fallback.
#include <bit>

#include "kernels/dense_linear.h"

namespace molmo::kernels {
namespace {

float from_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

float from_f16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {  // zero or denormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

void rows(const DenseLinear& problem, const float*, float*, int64_t row_begin, int64_t row_end) {
  const auto to_float = problem.weight_type == HalfType::BF16 ? from_bf16 : from_f16;
  for (int64_t token = 0; token < problem.num_tokens; ++token) {
    const float* x = problem.x + token * problem.x_stride;
    for (int64_t row = row_begin; row < row_end; ++row) {
      const uint16_t* weight = problem.weight + row * problem.weight_stride;
      float sum = 0;
      for (int64_t i = 0; i < problem.in_features; ++i) sum += x[i] * to_float(weight[i]);
      problem.y[token * problem.y_stride + row] = sum;
    }
  }
}

}  // namespace

const DenseLinearKernel kDenseLinearScalar = {
    .packed_x_size = [](int64_t, int64_t) -> int64_t { return 0; },
    .num_tiles = [](int64_t) -> int64_t { return 0; },
    .pack_x = [](const DenseLinear&, float*, int64_t, int64_t) {},
    .scratch_size = 0,
    .row_grain = 1,
    .block_rows = 1,
    .rows = rows,
};

}  // namespace molmo::kernels
