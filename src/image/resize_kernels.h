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

// Weights per output sample that may be read; those behind num_taps are zero.
constexpr int64_t kLeastMaxTaps = 4;

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
  // neighbour first[x] + num_taps[x] - 1 by weights[x, 0] and weights[x, 1]; row_weights blend upper and lower.
  // The four products are summed from upper right over upper left and lower left to lower right, all fused but the
  // first.
  void (*blend_rows)(const float* upper, const float* lower, const float* row_weights, const int32_t* first,
                     const int32_t* num_taps, const float* weights, int64_t width, float* out);

  // out[x, c] = (v - mean[c]) / deviation[c], rounded after each step, where v is in[x, c] limited to 0..1, or, with
  // has_levels, in[x, c] rounded to a whole number (half to even), limited to 0..255 and divided by 255.
  // Writes nothing behind the row.
  void (*finish_row)(const float* in, int64_t width, bool has_levels, const float* mean, const float* deviation,
                     float* out);
};

extern const ResizeKernels kResizeScalar;
extern const ResizeKernels kResizeAvx2;    // AVX2, FMA
extern const ResizeKernels kResizeAvx512;  // AVX-512 F, BW, DQ, VL

// The fastest that this CPU can run.
const ResizeKernels& resize_kernels();

}  // namespace molmo::image
