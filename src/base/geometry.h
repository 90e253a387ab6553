// Sizes and points. Points live in two systems of the upright picture; a type for each, and named conversions between
// them.
#pragma once

#include <cstdint>

namespace molmo {

struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;
  bool operator==(const ImageSize&) const = default;
};

// Pixels from the upper left corner.
struct PointPx {
  double x = 0, y = 0;
  bool operator==(const PointPx&) const = default;
};

// Percent of the picture's width and height, 0 to 100, as the model writes them.
struct PointPct {
  double x = 0, y = 0;
  bool operator==(const PointPct&) const = default;
};

constexpr PointPx to_px(PointPct point, ImageSize size) {
  return {point.x * static_cast<double>(size.width) / 100, point.y * static_cast<double>(size.height) / 100};
}

}  // namespace molmo
