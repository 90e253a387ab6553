// The truth: what the other versions are compared with, and the fallback.
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/decode_attention.h"

namespace molmo::kernels {
namespace {

constexpr float kHiddenScore = -std::numeric_limits<float>::infinity();

float from_half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa ? std::numeric_limits<float>::quiet_NaN() : -sign * kHiddenScore;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

float cached(CacheType type, const void* values, int64_t index) {
  if (type == CacheType::Float32) return static_cast<const float*>(values)[index];
  const uint16_t bits = static_cast<const uint16_t*>(values)[index];
  return type == CacheType::Float16 ? from_half(bits) : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

int64_t scratch(int64_t) {
  return kDecodeRange;
}

void range(const DecodeRange& work, float* scores) {
  for (int64_t head = 0; head < work.num_heads; ++head) {
    float largest = kHiddenScore, sum = 0;
    for (int64_t key = 0; key < work.num_keys; ++key) {
      float dot = 0;
      for (int64_t i = 0; i < work.width; ++i)
        dot += work.q[head * work.q_stride + i] * cached(work.type, work.keys, key * work.key_stride + i);
      scores[key] = dot * work.scale + (work.bias ? work.bias[key] : 0);
      if (work.bias && work.bias[key] <= kHiddenKey) scores[key] = kHiddenScore;
      scores[key] *= std::numbers::log2e_v<float>;
      if (!(scores[key] <= largest)) largest = scores[key];
    }
    float* y = work.y + head * work.width;
    for (int64_t i = 0; i < work.width; ++i) y[i] = 0;
    for (int64_t key = 0; key < work.num_keys; ++key) {
      if (scores[key] == kHiddenScore) continue;
      const float weight = std::exp2(scores[key] - largest);
      sum += weight;
      for (int64_t i = 0; i < work.width; ++i)
        y[i] += weight * cached(work.type, work.values, key * work.value_stride + i);
    }
    work.largest[head] = largest;
    work.sums[head] = sum;
  }
}

}  // namespace

const DecodeAttentionKernel kDecodeAttentionScalar = {1, scratch, range};

}  // namespace molmo::kernels
