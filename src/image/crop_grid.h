// Where the crops of a picture lie: what cutting pixels and cutting labels have in common. All in pixels.
#pragma once

#include <array>
#include <cstdint>

#include "config/model.h"
#include "image/crops.h"

namespace molmo::image {

// A grid of crops over a canvas. Neighbouring crops begin `window` apart and overlap by the rest.
struct CropGrid {
  Tiling tiling;
  ImageSize crop;
  int64_t window;
  int64_t patch;

  ImageSize canvas() const {
    return {(tiling.rows - 1) * window + crop.height, (tiling.columns - 1) * window + crop.width};
  }
  int64_t num_crops() const { return tiling.rows * tiling.columns; }
  int64_t patch_columns() const { return crop.width / patch; }
  int64_t patches_per_crop() const { return crop.height / patch * patch_columns(); }
};

// The one low-resolution crop, then the high-resolution ones: none in crop mode `resize`. Throws InvalidArgument for
// overlapping crops that are not square.
std::array<CropGrid, 2> crop_grids(ImageSize image, const config::ModelConfig& config);

// Where the resized picture lies on its canvas.
struct Placement {
  ImageSize size;
  int64_t top = 0, left = 0;
};

// Throws InvalidArgument for a picture so thin that a side would be empty.
Placement place(ImageSize image, ImageSize canvas, config::ResizeMode mode);

}  // namespace molmo::image
