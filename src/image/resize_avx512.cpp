// The inner loops of a resize with AVX-512: rows sixteen values per step. Columns gain nothing from wider vectors (a
// pixel has three values), so that loop is the one of resize_avx2.cpp.
#include <immintrin.h>

#include "image/resize_kernels.h"

namespace molmo::image {
namespace {

constexpr int64_t kGroup = 4;

// A product that the compiler must not fuse with the addition that follows.
inline __m512 rounded_product(__m512 a, __m512 b) {
  __m512 product = _mm512_mul_ps(a, b);
  __asm__("" : "+v"(product));
  return product;
}

// a / divisor from its rounded reciprocal: one Newton step gives the correctly rounded quotient for all values of a
// byte.
inline __m512 divide(__m512 a, __m512 divisor, __m512 reciprocal) {
  const __m512 quotient = _mm512_mul_ps(a, reciprocal);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(quotient, divisor, a), reciprocal, quotient);
}

// Lanes of the last, partial step over `count` values.
inline __mmask16 lanes(int64_t count) {
  return count >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << count) - 1);
}

void convert_row(const uint8_t* in, int64_t num_values, float divisor, float* out) {
  const __m512 divisors = _mm512_set1_ps(divisor), reciprocals = _mm512_set1_ps(1 / divisor);
  for (int64_t i = 0; i < num_values; i += 16) {
    const __m128i bytes = _mm_maskz_loadu_epi8(lanes(num_values - i), in + i);
    const __m512 values = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
    _mm512_storeu_ps(out + i, divide(values, divisors, reciprocals));
  }
}

void resample_columns(const float* in, const int32_t* first, const int32_t* num_taps, const float* weights,
                      int64_t max_taps, int64_t width, float* out) {
  kResizeAvx2.resample_columns(in, first, num_taps, weights, max_taps, width, out);
}

void combine_rows(const float* const* rows, const float* weights, int64_t num_rows, int64_t num_values, float* out) {
  const int64_t num_grouped = (num_rows - 1) / kGroup * kGroup;
  for (int64_t i = 0; i < num_values; i += 16) {
    __m512 sum = _mm512_mul_ps(_mm512_loadu_ps(rows[0] + i), _mm512_set1_ps(weights[0]));
    int64_t t = 1;
    for (; t <= num_grouped; ++t) {
      sum = _mm512_add_ps(sum, rounded_product(_mm512_loadu_ps(rows[t] + i), _mm512_set1_ps(weights[t])));
    }
    for (; t < num_rows; ++t) sum = _mm512_fmadd_ps(_mm512_loadu_ps(rows[t] + i), _mm512_set1_ps(weights[t]), sum);
    _mm512_storeu_ps(out + i, sum);
  }
}

void blend_rows(const float* upper, const float* lower, const float* row_weights, const int32_t* first,
                const int32_t* num_taps, const float* weights, int64_t width, float* out) {
  kResizeAvx2.blend_rows(upper, lower, row_weights, first, num_taps, weights, width, out);
}

inline __m512 level(__m512 value) {
  const __m512 rounded = _mm512_roundscale_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 whole = _mm512_min_ps(_mm512_max_ps(rounded, _mm512_setzero_ps()), _mm512_set1_ps(255));
  return divide(whole, _mm512_set1_ps(255), _mm512_set1_ps(1.0f / 255));
}

inline __m512 limit(__m512 value) {
  return _mm512_min_ps(_mm512_max_ps(value, _mm512_setzero_ps()), _mm512_set1_ps(1));
}

// Sixteen pixels are 48 values: three vectors, in which the channels take turns.
void finish_row(const float* in, int64_t width, bool has_levels, const float* mean, const float* deviation,
                float* out) {
  __m512 means[3], deviations[3];
  for (int part = 0; part < 3; ++part) {
    float pattern[2][16];
    for (int lane = 0; lane < 16; ++lane) {
      pattern[0][lane] = mean[(part * 16 + lane) % 3];
      pattern[1][lane] = deviation[(part * 16 + lane) % 3];
    }
    means[part] = _mm512_loadu_ps(pattern[0]);
    deviations[part] = _mm512_loadu_ps(pattern[1]);
  }
  const int64_t num_values = width * 3;
  for (int64_t i = 0; i < num_values; i += 48) {
    for (int part = 0; part < 3 && i + part * 16 < num_values; ++part) {
      const int64_t at = i + part * 16;
      const __mmask16 mask = lanes(num_values - at);
      const __m512 value = _mm512_maskz_loadu_ps(mask, in + at);
      const __m512 unit = has_levels ? level(value) : limit(value);
      _mm512_mask_storeu_ps(out + at, mask, _mm512_div_ps(_mm512_sub_ps(unit, means[part]), deviations[part]));
    }
  }
}

}  // namespace

const ResizeKernels kResizeAvx512 = {convert_row, resample_columns, combine_rows, blend_rows, finish_row};

}  // namespace molmo::image
