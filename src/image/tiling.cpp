#include <algorithm>

#include "image/crops.h"

namespace molmo::image {
namespace {

// How much a picture side of `size` must be scaled to fill `target`. IEEE division: a side of zero needs an infinite
// scale, and then the other side decides.
float required_scale(int64_t target, int64_t size) {
  return static_cast<float>(target) / static_cast<float>(size);
}

}  // namespace

Tiling select_tiling(int64_t height, int64_t width, int64_t window_px, int64_t max_crops) {
  Tiling least_upscaling, least_downscaling;
  float least_up = 1e10f, least_down = 0;
  bool is_first = true;
  // In the order of area, then of rows, so that the first of equals is the smallest.
  for (int64_t area = 1; area <= max_crops; ++area) {
    for (int64_t rows = 1; rows <= area; ++rows) {
      if (area % rows != 0) continue;
      const Tiling tiling{rows, area / rows};
      const float scale =
          std::min(required_scale(tiling.rows * window_px, height), required_scale(tiling.columns * window_px, width));
      if (is_first || scale > least_down) {
        least_down = scale;
        least_downscaling = tiling;
      }
      if (scale >= 1 && scale < least_up) {
        least_up = scale;
        least_upscaling = tiling;
      }
      is_first = false;
    }
  }
  return least_down < 1 ? least_downscaling : least_upscaling;
}

}  // namespace molmo::image
