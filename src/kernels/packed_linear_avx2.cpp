// One panel is two registers; the sums of one panel and four tokens stay in registers. Without dot instructions:
// products of bytes add up in pairs in 16 bits, which 4-bit codes cannot overflow, and 8-bit ones cannot when both
// factors are at most 127.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_INLINE inline __attribute__((always_inline))

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 1;
constexpr int kTileTokens = 4;
constexpr int64_t kMaxFewTokens = 4;

typedef int32_t Part __attribute__((vector_size(32)));
struct Codes {
  Part part[2];
};
using Ints = Codes;
struct Floats {
  __m256 part[2];
};

template <class To, class From, class Function>
MOLMO_INLINE To each(const From& from, const Function& function) {
  return {{function(from.part[0]), function(from.part[1])}};
}

MOLMO_INLINE __m256i load_part(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
MOLMO_INLINE Codes load_codes(const uint8_t* p) {
  return {{load_part(p), load_part(p + 32)}};
}
MOLMO_INLINE void store_codes(uint8_t* p, const Codes& codes) {
  for (int i = 0; i < 2; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32 * i), codes.part[i]);
}
MOLMO_INLINE Codes low(const Codes& codes) {
  return each<Codes>(codes, [](__m256i v) { return _mm256_and_si256(v, _mm256_set1_epi8(0x0F)); });
}
MOLMO_INLINE Codes high(const Codes& codes) {
  return each<Codes>(codes,
                     [](__m256i v) { return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F)); });
}
MOLMO_INLINE Ints splat(int32_t value) {
  const __m256i v = _mm256_set1_epi32(value);
  return {{v, v}};
}
MOLMO_INLINE Floats splat(float value) {
  const __m256 v = _mm256_set1_ps(value);
  return {{v, v}};
}
MOLMO_INLINE __m256i add_quads(__m256i sums, __m256i unsigned_codes, __m256i signed_codes) {
  const __m256i pairs = _mm256_maddubs_epi16(unsigned_codes, signed_codes);
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
MOLMO_INLINE Ints dot(const Ints& sums, const Codes& codes, int32_t quad) {
  const __m256i a = _mm256_set1_epi32(quad);
  return {{add_quads(sums.part[0], codes.part[0], a), add_quads(sums.part[1], codes.part[1], a)}};
}
MOLMO_INLINE Ints wide_start(int32_t) {
  return splat(0);
}
MOLMO_INLINE Ints dot_wide(const Ints& sums, const Codes& codes, int32_t quad) {
  const __m256i a = _mm256_set1_epi32(quad), size = _mm256_abs_epi8(a), offset = _mm256_set1_epi8(-128);
  Ints result;
  for (int i = 0; i < 2; ++i) {
    const __m256i weights = _mm256_xor_si256(codes.part[i], offset);  // code - 128
    result.part[i] = add_quads(sums.part[i], size, _mm256_sign_epi8(weights, a));
  }
  return result;
}
MOLMO_INLINE Floats to_float(const Ints& ints) {
  return each<Floats>(ints, [](__m256i v) { return _mm256_cvtepi32_ps(v); });
}
MOLMO_INLINE Floats fma(const Floats& a, const Floats& b, const Floats& c) {
  return {{_mm256_fmadd_ps(a.part[0], b.part[0], c.part[0]), _mm256_fmadd_ps(a.part[1], b.part[1], c.part[1])}};
}
MOLMO_INLINE Floats load_floats(const void* p) {
  const float* values = static_cast<const float*>(p);
  return {{_mm256_loadu_ps(values), _mm256_loadu_ps(values + 8)}};
}
MOLMO_INLINE void store_floats(float* p, const Floats& values) {
  for (int i = 0; i < 2; ++i) _mm256_storeu_ps(p + 8 * i, values.part[i]);
}
MOLMO_INLINE void store_first_lanes(float* p, int64_t n, const Floats& values) {
  float lanes[kPanelRows];
  store_floats(lanes, values);
  memcpy(p, lanes, static_cast<size_t>(n) * sizeof(float));
}

MOLMO_INLINE void prefetch(const uint8_t* p) {
  _mm_prefetch(p, _MM_HINT_T0);
}

// 16 scales of 4 bits, a lane each.
MOLMO_INLINE Ints load_scale_lanes(const uint8_t* p) {
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)), mask = _mm_set1_epi8(0x0F);
  const __m128i lanes = _mm_unpacklo_epi8(_mm_and_si128(bytes, mask), _mm_and_si128(_mm_srli_epi16(bytes, 4), mask));
  return {{_mm256_cvtepu8_epi32(lanes), _mm256_cvtepu8_epi32(_mm_srli_si128(lanes, 8))}};
}
MOLMO_INLINE Floats load_group_scales(const uint8_t* p) {
  return to_float(load_scale_lanes(p));
}

// scale * (code - 8) + 128: two codes, 8 bits apart, times a scale do not reach into each other.
struct Expander {
  explicit Expander(const uint8_t* p)
      : scales(
            each<Codes>(load_scale_lanes(p), [](__m256i v) { return _mm256_or_si256(v, _mm256_slli_epi32(v, 16)); })),
        start(each<Codes>(scales, [](__m256i v) {
          const __m256i bytes = _mm256_or_si256(v, _mm256_slli_epi16(v, 8));
          return _mm256_sub_epi8(_mm256_set1_epi8(-128), _mm256_slli_epi16(bytes, 3));
        })) {}
  MOLMO_INLINE Codes expand(const Codes& half) const {
    Codes result;
    for (int i = 0; i < 2; ++i)
      result.part[i] = _mm256_add_epi8(_mm256_mullo_epi16(half.part[i], scales.part[i]), start.part[i]);
    return result;
  }
  Codes scales, start;
};

#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearAvx2 = {quantize_rows, kScratchBytes, kTilePanels, panels};

}  // namespace molmo::kernels
