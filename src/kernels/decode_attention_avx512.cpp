// 32 registers of 16 floats: two vectors of columns are a line of 16-bit values, for 8 heads 16 sums.
#include <immintrin.h>

#include "kernels/decode_attention.h"

namespace molmo::kernels {
namespace {

using Vector = __m512;
constexpr int kLanes = 16, kColumns = 2;

Vector broadcast(float value) {
  return _mm512_set1_ps(value);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
Vector from_bfloat16(const uint16_t* values) {
  const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
Vector from_float16(const uint16_t* values) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
}
float sum_of(Vector v) {
  return _mm512_reduce_add_ps(v);
}
// Each quarter of the result: the sums of a quarter of a, b, c and d.
Vector quarter_sums(Vector a, Vector b, Vector c, Vector d) {
  const __m512d ab = _mm512_castps_pd(_mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b));
  const __m512d cd = _mm512_castps_pd(_mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d));
  return _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)) + _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
}
void sums_of_8(const Vector* v, float* to) {
  const Vector low = quarter_sums(v[0], v[1], v[2], v[3]), high = quarter_sums(v[4], v[5], v[6], v[7]);
  const Vector halves = _mm512_shuffle_f32x4(low, high, 0x88) + _mm512_shuffle_f32x4(low, high, 0xDD);
  const Vector sums = _mm512_shuffle_f32x4(halves, halves, 0x08) + _mm512_shuffle_f32x4(halves, halves, 0x0D);
  _mm256_storeu_ps(to, _mm512_castps512_ps256(sums));
}

#include "kernels/decode_attention_simd.inc"

}  // namespace

const DecodeAttentionKernel kDecodeAttentionAvx512 = kKernel;

}  // namespace molmo::kernels
