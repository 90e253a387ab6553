// 32 registers of 16 floats: 12 tokens x 32 rows stay in registers, 24 multiply-adds per 2 loads and 12 broadcasts.
#include <immintrin.h>

#include "kernels/dense_linear.h"

namespace molmo::kernels {
namespace {

using Vector = __m512;
using Pairs = __m512i;
constexpr int kLanes = 16;
constexpr int kDotTokens = 4;
constexpr int kTileTokens = 12;

__mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}

Vector zero() {
  return _mm512_setzero_ps();
}
Vector load(const float* p) {
  return _mm512_loadu_ps(p);
}
Vector load_partial(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
void store(float* p, Vector v) {
  _mm512_storeu_ps(p, v);
}
void store_partial(float* p, int64_t n, Vector v) {
  _mm512_mask_storeu_ps(p, first_lanes(n), v);
}
Vector broadcast(const float* p) {
  return _mm512_set1_ps(*p);
}
Vector add(Vector a, Vector b) {
  return _mm512_add_ps(a, b);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
float sum(Vector v) {
  return _mm512_reduce_add_ps(v);
}
void prefetch(const uint16_t* p) {
  _mm_prefetch(p, _MM_HINT_T1);
}

template <HalfType type>
Vector to_float(__m256i halves) {
  if constexpr (type == HalfType::F16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
template <HalfType type>
Vector load_halves(const uint16_t* p) {
  return to_float<type>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
template <HalfType type>
Vector load_halves_partial(const uint16_t* p, int64_t n) {
  return to_float<type>(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}

Pairs load_pairs(const uint16_t* p) {
  return _mm512_loadu_si512(p);
}
Pairs load_pairs_partial(const uint16_t* p, int64_t num_halves) {
  return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << num_halves) - 1), p);
}
template <HalfType type>
Vector even(Pairs v) {
  if constexpr (type == HalfType::F16) return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
  return _mm512_castsi512_ps(_mm512_slli_epi32(v, 16));
}
template <HalfType type>
Vector odd(Pairs v) {
  if constexpr (type == HalfType::F16) return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(v, 16)));
  return _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}

// 16 x 16 of 32 bit: within quarters by unpacking, then quarters among registers.
void transpose(Pairs v[kLanes]) {
  Pairs a[kLanes], b[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < kLanes; i += 2) {
    a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 4) {
    b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
    b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
    b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
    b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  // b[4 g + c], quarter q: column 4 q + c of rows 4 g .. 4 g + 3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const Pairs lower_even = _mm512_shuffle_i32x4(b[c], b[4 + c], 0x88),
                lower_odd = _mm512_shuffle_i32x4(b[c], b[4 + c], 0xdd);
    const Pairs upper_even = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0x88),
                upper_odd = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0xdd);
    v[c] = _mm512_shuffle_i32x4(lower_even, upper_even, 0x88);
    v[8 + c] = _mm512_shuffle_i32x4(lower_even, upper_even, 0xdd);
    v[4 + c] = _mm512_shuffle_i32x4(lower_odd, upper_odd, 0x88);
    v[12 + c] = _mm512_shuffle_i32x4(lower_odd, upper_odd, 0xdd);
  }
}

void transpose(Vector v[kLanes]) {
  Pairs bits[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) bits[i] = _mm512_castps_si512(v[i]);
  transpose(bits);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) v[i] = _mm512_castsi512_ps(bits[i]);
}

#include "kernels/dense_linear_simd.inc"

}  // namespace

const DenseLinearKernel kDenseLinearAvx512 = {
    .packed_x_size = packed_x_size,
    .num_tiles = num_tiles,
    .pack_x = pack_x,
    .scratch_size = kBlockRows * kBlockFeatures,
    .row_grain = kPanelRows,
    .block_rows = kBlockRows,
    .rows = rows,
};

}  // namespace molmo::kernels
