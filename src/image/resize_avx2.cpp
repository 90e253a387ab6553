// The inner loops of a resize with AVX2 and FMA. Columns: one pixel (and one float of its neighbour) per step of four
// lanes. Rows: eight values per step.
#include <immintrin.h>

#include "image/resize_kernels.h"

namespace molmo::image {
namespace {

constexpr int64_t kGroup = 4;

// A product that the compiler must not fuse with the addition that follows.
inline __m128 rounded_product(__m128 a, __m128 b) {
  __m128 product = _mm_mul_ps(a, b);
  __asm__("" : "+x"(product));
  return product;
}
inline __m256 rounded_product(__m256 a, __m256 b) {
  __m256 product = _mm256_mul_ps(a, b);
  __asm__("" : "+x"(product));
  return product;
}

// a / divisor from its rounded reciprocal: one Newton step gives the correctly rounded quotient for all values of a
// byte.
inline __m256 divide(__m256 a, __m256 divisor, __m256 reciprocal) {
  const __m256 quotient = _mm256_mul_ps(a, reciprocal);
  return _mm256_fmadd_ps(_mm256_fnmadd_ps(quotient, divisor, a), reciprocal, quotient);
}

void convert_row(const uint8_t* in, int64_t num_values, float divisor, float* out) {
  const __m256 divisors = _mm256_set1_ps(divisor), reciprocals = _mm256_set1_ps(1 / divisor);
  int64_t i = 0;
  for (; i + 16 <= num_values; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)));
    _mm256_storeu_ps(out + i, divide(low, divisors, reciprocals));
    _mm256_storeu_ps(out + i + 8, divide(high, divisors, reciprocals));
  }
  for (; i < num_values; ++i) out[i] = static_cast<float>(in[i]) / divisor;
}

// Up to four taps: weights behind num_taps are zero and add nothing.
inline __m128 sum_few(const float* samples, const float* weights) {
  __m128 sum = _mm_mul_ps(_mm_loadu_ps(samples), _mm_broadcast_ss(weights));
  sum = _mm_fmadd_ps(_mm_loadu_ps(samples + 3), _mm_broadcast_ss(weights + 1), sum);
  sum = _mm_fmadd_ps(_mm_loadu_ps(samples + 6), _mm_broadcast_ss(weights + 2), sum);
  return _mm_fmadd_ps(_mm_loadu_ps(samples + 9), _mm_broadcast_ss(weights + 3), sum);
}

inline __m128 sum_many(const float* samples, const float* weights, int64_t num_taps) {
  __m128 sum = _mm_mul_ps(_mm_loadu_ps(samples), _mm_broadcast_ss(weights));
  int64_t t = 1;
  for (; t + kGroup <= num_taps; t += kGroup) {
    for (int64_t k = t; k < t + kGroup; ++k) {
      sum = _mm_add_ps(sum, rounded_product(_mm_loadu_ps(samples + k * 3), _mm_broadcast_ss(weights + k)));
    }
  }
  for (; t < num_taps; ++t) sum = _mm_fmadd_ps(_mm_loadu_ps(samples + t * 3), _mm_broadcast_ss(weights + t), sum);
  return sum;
}

void resample_columns(const float* in, const int32_t* first, const int32_t* num_taps, const float* weights,
                      int64_t max_taps, int64_t width, float* out) {
  for (int64_t x = 0; x < width; ++x, weights += max_taps, out += 3) {
    const float* samples = in + int64_t{first[x]} * 3;
    _mm_storeu_ps(out, num_taps[x] <= kGroup ? sum_few(samples, weights) : sum_many(samples, weights, num_taps[x]));
  }
}

void combine_rows(const float* const* rows, const float* weights, int64_t num_rows, int64_t num_values, float* out) {
  const int64_t num_grouped = (num_rows - 1) / kGroup * kGroup;
  for (int64_t i = 0; i < num_values; i += 8) {
    __m256 sum = _mm256_mul_ps(_mm256_loadu_ps(rows[0] + i), _mm256_broadcast_ss(weights));
    int64_t t = 1;
    for (; t <= num_grouped; ++t) {
      sum = _mm256_add_ps(sum, rounded_product(_mm256_loadu_ps(rows[t] + i), _mm256_broadcast_ss(weights + t)));
    }
    for (; t < num_rows; ++t)
      sum = _mm256_fmadd_ps(_mm256_loadu_ps(rows[t] + i), _mm256_broadcast_ss(weights + t), sum);
    _mm256_storeu_ps(out + i, sum);
  }
}

void blend_rows(const float* upper, const float* lower, const float* row_weights, const int32_t* first,
                const int32_t* num_taps, const float* weights, int64_t width, float* out) {
  const __m128 upper_weight = _mm_broadcast_ss(row_weights), lower_weight = _mm_broadcast_ss(row_weights + 1);
  for (int64_t x = 0; x < width; ++x, weights += 2, out += 3) {
    const int64_t left = int64_t{first[x]} * 3, right = left + (num_taps[x] - 1) * 3;
    const __m128 left_weight = _mm_broadcast_ss(weights), right_weight = _mm_broadcast_ss(weights + 1);
    __m128 sum = _mm_mul_ps(_mm_mul_ps(upper_weight, right_weight), _mm_loadu_ps(upper + right));
    sum = _mm_fmadd_ps(_mm_mul_ps(upper_weight, left_weight), _mm_loadu_ps(upper + left), sum);
    sum = _mm_fmadd_ps(_mm_mul_ps(lower_weight, left_weight), _mm_loadu_ps(lower + left), sum);
    sum = _mm_fmadd_ps(_mm_mul_ps(lower_weight, right_weight), _mm_loadu_ps(lower + right), sum);
    _mm_storeu_ps(out, sum);
  }
}

inline __m256 level(__m256 value) {
  const __m256 rounded = _mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256 whole = _mm256_min_ps(_mm256_max_ps(rounded, _mm256_setzero_ps()), _mm256_set1_ps(255));
  return divide(whole, _mm256_set1_ps(255), _mm256_set1_ps(1.0f / 255));
}

inline __m256 limit(__m256 value) {
  return _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), _mm256_set1_ps(1));
}

// Eight pixels are 24 values: three vectors, in which the channels take turns.
void finish_row(const float* in, int64_t width, bool has_levels, const float* mean, const float* deviation,
                float* out) {
  __m256 means[3], deviations[3];
  for (int part = 0; part < 3; ++part) {
    float pattern[2][8];
    for (int lane = 0; lane < 8; ++lane) {
      pattern[0][lane] = mean[(part * 8 + lane) % 3];
      pattern[1][lane] = deviation[(part * 8 + lane) % 3];
    }
    means[part] = _mm256_loadu_ps(pattern[0]);
    deviations[part] = _mm256_loadu_ps(pattern[1]);
  }
  int64_t x = 0;
  for (; x + 8 <= width; x += 8, in += 24, out += 24) {
    for (int part = 0; part < 3; ++part) {
      const __m256 value = _mm256_loadu_ps(in + part * 8);
      const __m256 unit = has_levels ? level(value) : limit(value);
      _mm256_storeu_ps(out + part * 8, _mm256_div_ps(_mm256_sub_ps(unit, means[part]), deviations[part]));
    }
  }
  if (x < width) kResizeScalar.finish_row(in, width - x, has_levels, mean, deviation, out);
}

}  // namespace

const ResizeKernels kResizeAvx2 = {convert_row, resample_columns, combine_rows, blend_rows, finish_row};

}  // namespace molmo::image
