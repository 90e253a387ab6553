#include "image/patch_labels.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "image/crop_grid.h"

namespace molmo::image {
namespace {

constexpr int64_t kOutside = -1;

// For each pixel of one axis of the canvas, the pixel of the map whose area holds its centre, or kOutside.
std::vector<int64_t> source_pixels(int64_t canvas, int64_t begin, int64_t resized, int64_t source) {
  std::vector<int64_t> pixels(static_cast<size_t>(canvas), kOutside);
  for (int64_t i = 0; i < resized; ++i) pixels[static_cast<size_t>(begin + i)] = (2 * i + 1) * source / (2 * resized);
  return pixels;
}

// Looks up the class of a patch, whose first pixel is at (top, left) of the canvas.
class Canvas {
 public:
  Canvas(const LabelMap& map, const CropGrid& grid, const Placement& placement)
      : map_(map),
        rows_(source_pixels(grid.canvas().height, placement.top, placement.size.height, map.size.height)),
        columns_(source_pixels(grid.canvas().width, placement.left, placement.size.width, map.size.width)) {}

  int64_t majority(int64_t top, int64_t left, int64_t patch) const {
    std::array<int64_t, kUnlabelledPixel + 1> counts{};
    for (int64_t y = top; y < top + patch; ++y) {
      for (int64_t x = left; x < left + patch; ++x) ++counts[class_at(static_cast<size_t>(y), static_cast<size_t>(x))];
    }
    const auto best = std::max_element(counts.begin(), counts.end()) - counts.begin();
    return best == kUnlabelledPixel ? kNoLabel : best;
  }

 private:
  uint8_t class_at(size_t y, size_t x) const {
    if (rows_[y] == kOutside || columns_[x] == kOutside) return kUnlabelledPixel;
    return map_.classes[static_cast<size_t>(rows_[y] * map_.size.width + columns_[x])];
  }

  const LabelMap& map_;
  std::vector<int64_t> rows_, columns_;
};

void append_labels(const LabelMap& map, const CropGrid& grid, config::ResizeMode mode, std::vector<int64_t>& labels) {
  if (grid.num_crops() == 0) return;
  const Canvas canvas(map, grid, place(map.size, grid.canvas(), mode));
  for (int64_t i = 0; i < grid.tiling.rows; ++i) {
    for (int64_t j = 0; j < grid.tiling.columns; ++j) {
      for (int64_t y = 0; y < grid.crop.height; y += grid.patch) {
        for (int64_t x = 0; x < grid.crop.width; x += grid.patch) {
          labels.push_back(canvas.majority(i * grid.window + y, j * grid.window + x, grid.patch));
        }
      }
    }
  }
}

}  // namespace

std::vector<LabelMap> to_label_maps(const Image& image, int64_t num_maps, std::string_view source) {
  check_internal(num_maps >= 1 && num_maps <= 3, "a picture has one to three label maps");
  std::vector<LabelMap> maps(static_cast<size_t>(num_maps),
                             {image.size, std::vector<uint8_t>(image.pixels.size() / 3)});
  for (size_t i = 0; i < image.pixels.size() / 3; ++i) {
    const uint8_t* pixel = &image.pixels[3 * i];
    if (num_maps == 1 && (pixel[0] != pixel[1] || pixel[0] != pixel[2])) {
      fail(ErrorCategory::BadData,
           "{}: the pixel in row {}, column {} has a colour, expected 8-bit gray, whose values are the classes", source,
           static_cast<int64_t>(i) / image.size.width, static_cast<int64_t>(i) % image.size.width);
    }
    for (size_t k = 0; k < maps.size(); ++k) maps[k].classes[i] = pixel[k];
  }
  return maps;
}

std::vector<int64_t> patch_labels(const LabelMap& map, const config::ModelConfig& config) {
  std::vector<int64_t> labels;
  for (const CropGrid& grid : crop_grids(map.size, config))
    append_labels(map, grid, config.image_input.resize_mode, labels);
  return labels;
}

}  // namespace molmo::image
