#include "image/resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "image/resize_kernels.h"

namespace molmo::image {
namespace {

using config::ResizeMode;

float triangle(float x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0.0f;
}

float cubic(float x) {
  constexpr float a = -0.5f;
  x = std::abs(x);
  if (x < 1) return std::fma(std::fma(a + 2, x, -(a + 3)) * x, x, 1.0f);
  if (x < 2) return std::fma(std::fma(std::fma(a, x, -5 * a), x, 8 * a), x, -4 * a);
  return 0;
}

ResizeAxis make_axis(int64_t input_size, int64_t output_size, int64_t max_taps) {
  ResizeAxis axis{input_size, output_size, max_taps, {}, {}, {}};
  axis.first.resize(output_size);
  axis.num_taps.resize(output_size);
  axis.weights.resize(output_size * max_taps);
  return axis;
}

// `radius` is the half width of the filter. Types, order and fusing of the operations are the reference's: they decide
// the last bit.
ResizeAxis antialiased_axis(int64_t input_size, int64_t output_size, double radius, float (*filter)(float)) {
  const float scale = static_cast<float>(input_size) / static_cast<float>(output_size);
  const float support = static_cast<float>(scale >= 1 ? radius * scale : radius);
  const float inverse_scale = static_cast<float>(scale >= 1 ? 1.0 / scale : 1.0);
  const int64_t most_taps = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  ResizeAxis axis = make_axis(input_size, output_size, std::max(most_taps, kLeastMaxTaps));
  for (int64_t i = 0; i < output_size; ++i) {
    const float center = static_cast<float>(scale * (static_cast<double>(i) + 0.5));
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const int64_t end = std::min(static_cast<int64_t>(center + support + 0.5), input_size);
    const int64_t num_taps = std::clamp<int64_t>(end - first, 0, most_taps);
    float* weights = axis.weights.data() + i * axis.max_taps;
    float total = 0;
    for (int64_t t = 0; t < num_taps; ++t) {
      weights[t] = filter(static_cast<float>((static_cast<float>(t + first) - center + 0.5) * inverse_scale));
      total += weights[t];
    }
    check_internal(num_taps > 0 && total != 0, "an output sample without input samples");
    for (int64_t t = 0; t < num_taps; ++t) weights[t] /= total;
    axis.first[i] = static_cast<int32_t>(first);
    axis.num_taps[i] = static_cast<int32_t>(num_taps);
  }
  return axis;
}

ResizeAxis axis_of(ResizeMode mode, int64_t input_size, int64_t output_size) {
  switch (mode) {
    case ResizeMode::StretchBilinear:
      return linear_axis(input_size, output_size);
    case ResizeMode::StretchBicubic:
      return antialiased_cubic_axis(input_size, output_size);
    default:
      return antialiased_linear_axis(input_size, output_size);
  }
}

// The last few input rows as floats, each prepared once. Rows must be asked for in ascending order, at most num_slots
// at a time.
class RowWindow {
 public:
  using Prepare = std::function<void(int64_t y, float* row)>;

  RowWindow(int64_t num_slots, int64_t num_values, Prepare prepare)
      : prepare_(std::move(prepare)),
        num_slots_(num_slots),
        stride_(num_values + kRowPadding),
        slots_(num_slots * stride_) {}

  const float* row(int64_t y) {
    for (next_ = std::max(next_, y); next_ <= y; ++next_) prepare_(next_, slot(next_));
    return slot(y);
  }

 private:
  float* slot(int64_t y) { return slots_.data() + y % num_slots_ * stride_; }

  const Prepare prepare_;
  const int64_t num_slots_, stride_;
  std::vector<float> slots_;
  int64_t next_ = 0;
};

}  // namespace

ResizeAxis antialiased_linear_axis(int64_t input_size, int64_t output_size) {
  return antialiased_axis(input_size, output_size, 1, triangle);
}

ResizeAxis antialiased_cubic_axis(int64_t input_size, int64_t output_size) {
  return antialiased_axis(input_size, output_size, 2, cubic);
}

ResizeAxis linear_axis(int64_t input_size, int64_t output_size) {
  const float scale = static_cast<float>(input_size) / static_cast<float>(output_size);
  ResizeAxis axis = make_axis(input_size, output_size, 2);
  for (int64_t i = 0; i < output_size; ++i) {
    const float source = std::max(std::fma(scale, static_cast<float>(i) + 0.5f, -0.5f), 0.0f);
    const int64_t first = std::min(static_cast<int64_t>(source), input_size - 1);
    const float share = std::clamp(source - static_cast<float>(first), 0.0f, 1.0f);
    axis.first[i] = static_cast<int32_t>(first);
    axis.num_taps[i] = first < input_size - 1 ? 2 : 1;
    axis.weights[2 * i] = 1 - share;
    axis.weights[2 * i + 1] = share;
  }
  return axis;
}

ImageSize fit_size(ImageSize image, ImageSize target) {
  const float height = static_cast<float>(image.height), width = static_cast<float>(image.width);
  const float scale = std::min(static_cast<float>(target.height) / height, static_cast<float>(target.width) / width);
  return {static_cast<int64_t>(height * scale), static_cast<int64_t>(width * scale)};
}

Resizer::Resizer(const Image& image, ImageSize size, ResizeMode mode, const Normalization& normalization)
    : image_(image),
      mode_(mode),
      normalization_(normalization),
      rows_(axis_of(mode, image.size.height, size.height)),
      columns_(axis_of(mode, image.size.width, size.width)) {}

void Resizer::resize_rows(int64_t begin, int64_t end, float* row, const std::function<void(int64_t y)>& take) const {
  const bool has_levels = mode_ != ResizeMode::PadBilinear;
  const RowSink finish = [&](int64_t y, const float* resized) {
    resize_kernels().finish_row(resized, columns_.output_size, has_levels, normalization_.mean.data(),
                                normalization_.deviation.data(), row);
    take(y);
  };
  if (mode_ == ResizeMode::StretchBilinear) {
    blend_rows(begin, end, finish);
  } else {
    resample_rows(begin, end, finish);
  }
}

void Resizer::resample_rows(int64_t begin, int64_t end, const RowSink& sink) const {
  const ResizeKernels& kernels = resize_kernels();
  const int64_t num_input_values = image_.size.width * 3, num_values = columns_.output_size * 3;
  const float divisor = mode_ == ResizeMode::PadBilinear ? 255.0f : 1.0f;
  std::vector<float> input(num_input_values + kRowPadding), output(num_values + kRowPadding);
  RowWindow window(rows_.max_taps, num_values, [&](int64_t y, float* row) {
    kernels.convert_row(image_.pixels.data() + y * num_input_values, num_input_values, divisor, input.data());
    kernels.resample_columns(input.data(), columns_.first.data(), columns_.num_taps.data(), columns_.weights.data(),
                             columns_.max_taps, columns_.output_size, row);
  });
  std::vector<const float*> rows(rows_.max_taps);
  for (int64_t y = begin; y < end; ++y) {
    const int64_t num_rows = rows_.num_taps[y];
    for (int64_t t = 0; t < num_rows; ++t) rows[t] = window.row(rows_.first[y] + t);
    kernels.combine_rows(rows.data(), rows_.weights.data() + y * rows_.max_taps, num_rows, num_values, output.data());
    sink(y, output.data());
  }
}

void Resizer::blend_rows(int64_t begin, int64_t end, const RowSink& sink) const {
  const ResizeKernels& kernels = resize_kernels();
  const int64_t num_input_values = image_.size.width * 3;
  std::vector<float> output(columns_.output_size * 3 + kRowPadding);
  RowWindow window(2, num_input_values, [&](int64_t y, float* row) {
    kernels.convert_row(image_.pixels.data() + y * num_input_values, num_input_values, 1.0f, row);
  });
  for (int64_t y = begin; y < end; ++y) {
    const float* upper = window.row(rows_.first[y]);
    const float* lower = window.row(rows_.first[y] + rows_.num_taps[y] - 1);
    kernels.blend_rows(upper, lower, rows_.weights.data() + 2 * y, columns_.first.data(), columns_.num_taps.data(),
                       columns_.weights.data(), columns_.output_size, output.data());
    sink(y, output.data());
  }
}

}  // namespace molmo::image
