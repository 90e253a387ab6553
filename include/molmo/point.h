// Places in a picture that the model points to.
//   for (const molmo::Point& point : session.point("the mug", photo)) move_to(point.x_px, point.y_px);
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "molmo/export.h"
#include "molmo/image.h"

namespace molmo {

struct Point {
  double x = 0, y = 0;  // percent of the picture's width and height, from the upper left corner, as the model says it
  double x_px = 0, y_px = 0;  // the same in pixels of the upright picture
  std::string label;          // what is there, as the answer shows it
  std::string alt;            // what was asked for, as the answer names it
  int64_t image = 0;          // which picture of the request, from 0
};

// The points of a text that a model wrote about `image`, in order; every spelling that Molmo's authors accept.
MOLMO_API std::vector<Point> parse_points(std::string_view text, const Image& image);

// The picture with its points drawn on it; the suffix of `path` says the format: .png, .jpg or .svg.
// Throws Error: InvalidArgument for another suffix, or Io.
MOLMO_API void write_overlay(const std::filesystem::path& path, const Image& image, const std::vector<Point>& points);

}  // namespace molmo
