#include "image/crop_grid.h"

#include "base/error.h"
#include "image/resize.h"

namespace molmo::image {
namespace {

using config::ModelConfig;

CropGrid high_resolution_grid(ImageSize image, const ModelConfig& config) {
  const auto [height, width] = config.vision.input_size;
  if (height != width) {
    fail(ErrorCategory::InvalidArgument, "vision.input_size is {}x{}, overlapping crops must be square", height, width);
  }
  const int64_t patch = config.vision.patch_size;
  const int64_t margin = (config.image_input.overlap_margins[0] + config.image_input.overlap_margins[1]) * patch;
  const int64_t window = height - margin;
  const Tiling tiling =
      select_tiling(image.height - margin, image.width - margin, window, config.image_input.max_crops);
  return {tiling, {height, width}, window, patch};
}

}  // namespace

std::array<CropGrid, 2> crop_grids(ImageSize image, const ModelConfig& config) {
  const auto [height, width] = config.vision.input_size;
  const CropGrid low{{1, 1}, {height, width}, height, config.vision.patch_size};
  if (config.image_input.crop_mode == config::CropMode::OverlapAndResize) {
    return {low, high_resolution_grid(image, config)};
  }
  return {low, CropGrid{{0, 0}, low.crop, low.window, low.patch}};
}

Placement place(ImageSize image, ImageSize canvas, config::ResizeMode mode) {
  if (mode != config::ResizeMode::PadBilinear) return {canvas};
  const ImageSize size = fit_size(image, canvas);
  if (size.height == 0 || size.width == 0) {
    fail(ErrorCategory::InvalidArgument,
         "the picture is too thin: {}x{} pixels would become {}x{} on a canvas of {}x{}", image.width, image.height,
         size.width, size.height, canvas.width, canvas.height);
  }
  return {size, (canvas.height - size.height) / 2, (canvas.width - size.width) / 2};
}

}  // namespace molmo::image
