#include "bench/photo.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace molmo::bench {

image::Image draw_photo(ImageSize size, uint64_t number) {
  image::Image photo{size, std::vector<uint8_t>(static_cast<size_t>(size.height * size.width * 3))};
  RandomStream random(number, "photo");
  const double phase = 6.28 * random.uniform();
  uint8_t* pixel = photo.pixels.data();
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x) {
      for (int64_t channel = 0; channel < 3; ++channel) {
        const auto c = static_cast<double>(channel), column = static_cast<double>(x), row = static_cast<double>(y);
        const double light = 0.5 + 0.25 * std::sin(column / (40 + 9 * c) + phase) +
                             0.2 * std::sin(row / 31 + column / 170 * c) + 0.02 * random.normal();
        *pixel++ = static_cast<uint8_t>(255 * std::clamp(light, 0.0, 1.0));
      }
    }
  }
  return photo;
}

ImageSize photo_size(const config::ModelConfig& config, int64_t num_crops) {
  if (config.image_input.crop_mode == config::CropMode::Resize) return {1500, 2000};
  // Rows times columns, as near to 3:4 as the number has factors.
  int64_t rows = 1;
  const auto distance = [&](int64_t count) {
    return std::abs(std::log(static_cast<double>(num_crops) / static_cast<double>(count * count) * 3 / 4));
  };
  for (int64_t count = 1; count <= num_crops; ++count) {
    if (num_crops % count == 0 && distance(count) < distance(rows)) rows = count;
  }
  // A whole multiple of the grid's windows, beside the margins: every other grid of as many crops shrinks it more.
  const int64_t patch = config.vision.patch_size;
  const int64_t margin = (config.image_input.overlap_margins[0] + config.image_input.overlap_margins[1]) * patch;
  const int64_t window = config.vision.input_size[0] - margin;
  const double megapixels = 3e6 / static_cast<double>(num_crops * window * window);
  const int64_t factor = std::max<int64_t>(1, std::llround(std::sqrt(megapixels)));
  return {margin + factor * rows * window, margin + factor * num_crops / rows * window};
}

}  // namespace molmo::bench
