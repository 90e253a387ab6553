// The inner loops of a resize over rows of interleaved RGB, one table of functions per instruction set. All give the
// same bits, those of the reference's tensor library on any machine with fused multiply-add:
//   a weighted sum over taps 0..n-1 begins with the product of tap 0; then come as many whole groups of four taps as
//   there are, product and addition rounded apart; then the rest (at most three taps) by fused multiply-add.
// Plain header: included by files built with special instruction flags.
#pragma once

#include <stdint.h>

namespace molmo::image {

// Floats behind the end of a row that may be read and written, but are not used.
constexpr int64_t kRowPadding = 16;

struct ResizeKernels {
  // out[i] = in[i] / divisor, rounded correctly; divisor is 1 or 255.
  void (*convert_row)(const uint8_t* in, int64_t num_values, float divisor, float* out);

  // out[x, c] = weighted sum over t < num_taps[x] of in[first[x] + t, c] by weights[x, t], for three channels c.
  void (*resample_columns)(const float* in, const int32_t* first, const int32_t* num_taps, const float* weights,
                           int64_t max_taps, int64_t width, float* out);

  // out[i] = weighted sum over t < num_rows of rows[t][i] by weights[t].
  void (*combine_rows)(const float* const* rows, const float* weights, int64_t num_rows, int64_t num_values,
                       float* out);

  // Bilinear without antialias: out[x, c] from the four neighbours in two rows. Column x blends in[first[x]] with its
  // neighbour first[x] + num_taps[x] - 1 by weights[x, 0] and weights[x, 1]; row_weights blend upper and lower. out =
  // lower right * its weight + (lower left + (upper left + [upper right])), all fused but [the first].
  void (*blend_rows)(const float* upper, const float* lower, const float* row_weights, const int32_t* first,
                     const int32_t* num_taps, const float* weights, int64_t width, float* out);
};

extern const ResizeKernels kResizeScalar;

}  // namespace molmo::image
