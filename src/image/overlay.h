// Points drawn on a picture, as PNG or SVG.
//   write_overlay(image, {{{812, 430}, "dog"}}, "answer.png");   // or "answer.svg"
// A point is a coloured disc in a white ring with a dark edge, so that it shows on any background; its size follows the
// picture. Several points carry their numbers, and a legend counts them by label; a single one has its label beside it.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/geometry.h"
#include "image/image.h"

namespace molmo::image {

struct OverlayPoint {
  PointPx position;   // in the upright picture; points that are not finite are left out
  std::string label;  // may be empty; UTF-8, damage is shown as U+FFFD
};

// The picture with the points drawn on it. Throws Unsupported for sides over 32,767 pixels.
Image draw_overlay(const Image& image, std::span<const OverlayPoint> points);

// The same as an SVG document of its own: the picture is embedded (as JPEG), points and text are shapes.
std::string overlay_svg(const Image& image, std::span<const OverlayPoint> points);

// Writes PNG, JPEG or SVG by the ending of `path`; throws InvalidArgument for another one. Atomic.
void write_overlay(const Image& image, std::span<const OverlayPoint> points, const std::filesystem::path& path);

}  // namespace molmo::image
