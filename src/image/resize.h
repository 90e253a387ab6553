// Resizing as the reference does it, to the bit: its tensor library's separable antialiased interpolation (columns
// first, then rows, in float32), and its bilinear interpolation without antialias.
// One difference: where the antialiased output is a single pixel wide, the tensor library (2.13, on a CPU) repeats the
// first row; we do not.
//   Resizer resizer(image, {336, 252}, config::ResizeMode::PadBilinear);
//   std::vector<float> row(252 * 3);
//   resizer.resize_rows(0, 336, row.data(), [&](int64_t y) { ... });   // row: [width, 3] in 0..1
// Only the input rows that an output row needs are ever held as floats. Const calls are thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/geometry.h"
#include "config/image_input.h"
#include "image/image.h"

namespace molmo::image {

// Which input samples make each output sample of one axis, and their weights.
struct ResizeAxis {
  int64_t input_size = 0;
  int64_t output_size = 0;
  int64_t max_taps = 0;
  std::vector<int32_t> first;     // [output_size], first input sample
  std::vector<int32_t> num_taps;  // [output_size], at least 1
  std::vector<float> weights;     // [output_size, max_taps], zero behind num_taps
};

// Triangle filter, widened when shrinking.
ResizeAxis antialiased_linear_axis(int64_t input_size, int64_t output_size);
// Cubic convolution filter with a = -0.5, widened when shrinking.
ResizeAxis antialiased_cubic_axis(int64_t input_size, int64_t output_size);
// The two nearest samples, however much is left out between output samples. At the end, where there is only one,
// num_taps is 1 and both weights are meant for it.
ResizeAxis linear_axis(int64_t input_size, int64_t output_size);

// Size of a picture scaled to fit into `target` with its aspect ratio kept, in the reference's float32 arithmetic;
// sides are truncated and may be zero.
ImageSize fit_size(ImageSize image, ImageSize target);

// Subtracted from and divided into pixel values of 0..1, by channel.
struct Normalization {
  std::array<float, 3> mean = {0, 0, 0};
  std::array<float, 3> deviation = {1, 1, 1};
};

class Resizer {
 public:
  // Keeps a reference to `image`. Sides must be at least 1. The stretching modes round to 8-bit levels, as the
  // reference does.
  Resizer(const Image& image, ImageSize size, config::ResizeMode mode, const Normalization& normalization = {});

  ImageSize size() const { return {rows_.output_size, columns_.output_size}; }

  // Writes each of the output rows [begin, end) in turn to `row`, [width, 3], and then calls `take`.
  void resize_rows(int64_t begin, int64_t end, float* row, const std::function<void(int64_t y)>& take) const;

 private:
  using RowSink = std::function<void(int64_t y, const float* row)>;
  void resample_rows(int64_t begin, int64_t end, const RowSink& sink) const;
  void blend_rows(int64_t begin, int64_t end, const RowSink& sink) const;

  const Image& image_;
  config::ResizeMode mode_;
  Normalization normalization_;
  ResizeAxis rows_, columns_;
};

}  // namespace molmo::image
