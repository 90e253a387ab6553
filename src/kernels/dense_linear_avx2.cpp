// 16 registers of 8 floats: 6 tokens x 16 rows stay in registers.
#include <immintrin.h>

#include "kernels/dense_linear.h"

namespace molmo::kernels {
namespace {

using Vector = __m256;
using Pairs = __m256i;
constexpr int kLanes = 8;
constexpr int kDotTokens = 2;
constexpr int kTileTokens = 6;

__m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

Vector zero() {
  return _mm256_setzero_ps();
}
Vector load(const float* p) {
  return _mm256_loadu_ps(p);
}
Vector load_partial(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, first_lanes(n));
}
void store(float* p, Vector v) {
  _mm256_storeu_ps(p, v);
}
void store_partial(float* p, int64_t n, Vector v) {
  _mm256_maskstore_ps(p, first_lanes(n), v);
}
Vector broadcast(const float* p) {
  return _mm256_broadcast_ss(p);
}
Vector add(Vector a, Vector b) {
  return _mm256_add_ps(a, b);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
void prefetch(const uint16_t* p) {
  _mm_prefetch(p, _MM_HINT_T1);
}

float sum(Vector v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

template <HalfType type>
Vector to_float(__m128i halves) {
  if constexpr (type == HalfType::F16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
template <HalfType type>
Vector load_halves(const uint16_t* p) {
  return to_float<type>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
template <HalfType type>
Vector load_halves_partial(const uint16_t* p, int64_t n) {
  uint16_t halves[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) halves[i] = p[i];
  return load_halves<type>(halves);
}

Pairs load_pairs(const uint16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
Pairs load_pairs_partial(const uint16_t* p, int64_t num_halves) {
  uint16_t halves[2 * kLanes] = {};
  for (int64_t i = 0; i < num_halves; ++i) halves[i] = p[i];
  return load_pairs(halves);
}
// The low 16 bits of each pair.
__m128i low_halves(Pairs v) {
  v = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
  return _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
template <HalfType type>
Vector even(Pairs v) {
  if constexpr (type == HalfType::F16) return _mm256_cvtph_ps(low_halves(v));
  return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16));
}
template <HalfType type>
Vector odd(Pairs v) {
  if constexpr (type == HalfType::F16) return _mm256_cvtph_ps(low_halves(_mm256_srli_epi32(v, 16)));
  return _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
}

// 8 x 8 of 32 bit: within halves by unpacking, then halves among registers.
void transpose(Pairs v[kLanes]) {
  Pairs a[kLanes], b[kLanes];
#pragma GCC unroll 4
  for (int i = 0; i < kLanes; i += 2) {
    a[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < kLanes; i += 4) {
    b[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);
    b[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
    b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
    b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    v[c] = _mm256_permute2x128_si256(b[c], b[4 + c], 0x20);
    v[4 + c] = _mm256_permute2x128_si256(b[c], b[4 + c], 0x31);
  }
}

void transpose(Vector v[kLanes]) {
  Pairs bits[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) bits[i] = _mm256_castps_si256(v[i]);
  transpose(bits);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) v[i] = _mm256_castsi256_ps(bits[i]);
}

#include "kernels/dense_linear_simd.inc"

}  // namespace

const DenseLinearKernel kDenseLinearAvx2 = {
    .packed_x_size = packed_x_size,
    .num_tiles = num_tiles,
    .pack_x = pack_x,
    .scratch_size = kBlockRows * kBlockFeatures,
    .row_grain = kPanelRows,
    .block_rows = kBlockRows,
    .rows = rows,
};

}  // namespace molmo::kernels
