// 16 registers of 8 floats: one vector of columns, for 8 heads 8 sums.
#include <immintrin.h>

#include "kernels/decode_attention.h"

namespace molmo::kernels {
namespace {

using Vector = __m256;
constexpr int kLanes = 8, kColumns = 1;

Vector broadcast(float value) {
  return _mm256_set1_ps(value);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
Vector from_bfloat16(const uint16_t* values) {
  const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
Vector from_float16(const uint16_t* values) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
}
// Each half of the result: the sums of a half of a, b, c and d.
Vector half_sums(Vector a, Vector b, Vector c, Vector d) {
  return _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
}
void sums_of_8(const Vector* v, float* to) {
  const Vector low = half_sums(v[0], v[1], v[2], v[3]), high = half_sums(v[4], v[5], v[6], v[7]);
  _mm256_storeu_ps(to, _mm256_permute2f128_ps(low, high, 0x20) + _mm256_permute2f128_ps(low, high, 0x31));
}
float sum_of(Vector v) {
  const __m128 halves = _mm256_castps256_ps128(v) + _mm256_extractf128_ps(v, 1);
  const __m128 pairs = halves + _mm_movehl_ps(halves, halves);
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

#include "kernels/decode_attention_simd.inc"

}  // namespace

const DecodeAttentionKernel kDecodeAttentionAvx2 = kKernel;

}  // namespace molmo::kernels
