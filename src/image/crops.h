// From a picture to the crops of patches that the vision tower reads (paper, section 2; reference:
// olmo/data/model_preprocessor.py).
//   ImageCrops crops = make_crops(image, config);
// Letters: C crops, the low-resolution one first; P patches of a crop; Q image tokens of a crop.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "config/model.h"
#include "config/quirks.h"
#include "image/image.h"

namespace molmo::image {

// Crops of the high-resolution grid.
struct Tiling {
  int64_t rows = 1;
  int64_t columns = 1;
  bool operator==(const Tiling&) const = default;
};

// The tiling with the least upscaling that covers height x width with windows of window_px, ties to the smaller tiling;
// if none covers, the one with the least downscaling. Sides may be zero or negative (pictures smaller than the
// margins).
Tiling select_tiling(int64_t height, int64_t width, int64_t window_px, int64_t max_crops);

struct ImageCrops {
  int64_t num_crops = 0;

  // {0, 0} in crop mode `resize`: no high-resolution grid.
  Tiling tiling;

  // [C, P, patch_dim], normalized; patch_dim ordered (row, column, channel).
  std::shared_ptr<float[]> patches;

  // [C, P], share of the patch that is picture, 0 to 1. With Quirks::Reference, as released weights were trained: the
  // masks of the high-resolution crops, one crop too early, then -1 for the last crop. With Quirks::Fixed each mask is
  // that of its own crop. In crop mode `resize` the reference gives one flag per pixel, which its own connector cannot
  // read; here it is the share, too.
  std::vector<float> masks;

  // [C, Q], place of each pooled patch among the image-patch tokens of the prompt, counted from 0 over both grids in
  // reading order; -1 when its place belongs to a neighbouring crop. Token position = position of that image-patch
  // token.
  std::vector<int32_t> token_index;

  // Image-patch tokens of the low-resolution crop, and of the high-resolution grid (0 without one).
  int64_t low_resolution_rows = 0, low_resolution_columns = 0;
  int64_t rows = 0, columns = 0;
};

// Throws InvalidArgument for a picture so thin that a resized side would be empty, and for overlapping crops that are
// not square.
ImageCrops make_crops(const Image& image, const config::ModelConfig& config,
                      config::Quirks quirks = config::Quirks::Reference);

}  // namespace molmo::image
