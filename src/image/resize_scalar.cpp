// The inner loops of a resize in plain C++: what the vector versions must equal, and what runs where there are none.
#include <algorithm>
#include <cmath>

#include "image/resize_kernels.h"

namespace molmo::image {
namespace {

constexpr int64_t kGroup = 4;

void convert_row(const uint8_t* in, int64_t num_values, float divisor, float* out) {
  for (int64_t i = 0; i < num_values; ++i) out[i] = static_cast<float>(in[i]) / divisor;
}

// sample(t) is the input of tap t.
template <class Sample>
float weighted_sum(const float* weights, int64_t num_taps, const Sample& sample) {
  float sum = weights[0] * sample(0);
  const int64_t num_grouped = (num_taps - 1) / kGroup * kGroup;
  for (int64_t t = 1; t <= num_grouped; ++t) {
    const float product = weights[t] * sample(t);
    sum += product;
  }
  for (int64_t t = num_grouped + 1; t < num_taps; ++t) sum = std::fma(weights[t], sample(t), sum);
  return sum;
}

void resample_columns(const float* in, const int32_t* first, const int32_t* num_taps, const float* weights,
                      int64_t max_taps, int64_t width, float* out) {
  for (int64_t x = 0; x < width; ++x) {
    for (int64_t c = 0; c < 3; ++c) {
      out[x * 3 + c] =
          weighted_sum(weights + x * max_taps, num_taps[x], [&](int64_t t) { return in[(first[x] + t) * 3 + c]; });
    }
  }
}

void combine_rows(const float* const* rows, const float* weights, int64_t num_rows, int64_t num_values, float* out) {
  for (int64_t i = 0; i < num_values; ++i)
    out[i] = weighted_sum(weights, num_rows, [&](int64_t t) { return rows[t][i]; });
}

void blend_rows(const float* upper, const float* lower, const float* row_weights, const int32_t* first,
                const int32_t* num_taps, const float* weights, int64_t width, float* out) {
  for (int64_t x = 0; x < width; ++x) {
    const int64_t left = int64_t{first[x]} * 3, right = left + (num_taps[x] - 1) * 3;
    const float left_weight = weights[2 * x], right_weight = weights[2 * x + 1];
    for (int64_t c = 0; c < 3; ++c) {
      float sum = row_weights[0] * right_weight * upper[right + c];
      sum = std::fma(row_weights[0] * left_weight, upper[left + c], sum);
      sum = std::fma(row_weights[1] * left_weight, lower[left + c], sum);
      out[x * 3 + c] = std::fma(row_weights[1] * right_weight, lower[right + c], sum);
    }
  }
}

void finish_row(const float* in, int64_t width, bool has_levels, const float* mean, const float* deviation,
                float* out) {
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t c = 0; c < 3; ++c, ++in, ++out) {
      const float value =
          has_levels ? std::clamp(std::nearbyint(*in), 0.0f, 255.0f) / 255 : std::clamp(*in, 0.0f, 1.0f);
      *out = (value - mean[c]) / deviation[c];
    }
  }
}

}  // namespace

const ResizeKernels kResizeScalar = {convert_row, resample_columns, combine_rows, blend_rows, finish_row};

}  // namespace molmo::image
