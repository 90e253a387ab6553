// Resizing as the reference does it, to the bit: its tensor library's separable antialiased interpolation (columns
// first, then rows, in float32), and its bilinear interpolation without antialias.
//   Resizer resizer(image, {336, 252}, config::ResizeMode::PadBilinear);
//   resizer.resize_rows(0, 336, [&](int64_t y, const float* row) { ... });   // row: [width, 3] in 0..1
// Only the input rows that an output row needs are ever held as floats. Const calls are thread-safe.
#pragma once

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

class Resizer {
 public:
  using RowSink = std::function<void(int64_t y, const float* row)>;

  // Keeps a reference to `image`. Sides must be at least 1. The stretching modes round to 8-bit levels, as the
  // reference does.
  Resizer(const Image& image, ImageSize size, config::ResizeMode mode);

  ImageSize size() const { return {rows_.output_size, columns_.output_size}; }

  // Hands output rows [begin, end) to `sink` in order; a row is valid during the call.
  void resize_rows(int64_t begin, int64_t end, const RowSink& sink) const;

 private:
  void resample_rows(int64_t begin, int64_t end, const RowSink& sink) const;
  void blend_rows(int64_t begin, int64_t end, const RowSink& sink) const;

  const Image& image_;
  config::ResizeMode mode_;
  ResizeAxis rows_, columns_;
};

}  // namespace molmo::image
