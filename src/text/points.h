// Points in the model's answers: printing them for training, and finding every spelling that the reference accepts.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/geometry.h"

namespace molmo::text {

struct LabelledPoint {
  PointPct at;
  std::string label;  // text inside the tag; empty for untagged spellings
  std::string alt;
};

// All points of a text, in the reference's order (olmo/util.py, extract_points): first every `Click(10.5, 20.0)`, then
// every
// `(10.5, 20.0)` (so a click counts twice), then `x="10.5" y="20.0"` with any numbering, then `p=105,200` or
// `1=105,200` in tenths of a percent. Points with a coordinate above 100 are dropped.
std::vector<LabelledPoint> parse_points(std::string_view answer);

// The text without its point tags: each is replaced by the text inside it. For people to read.
std::string strip_point_tags(std::string_view answer);

// What coordinates are measured in: a number is the value that stands for 100 percent; a pair is how much one percent
// is in x and in y, so {width / 100, height / 100} for pixels.
using PointScale = std::variant<double, std::array<double, 2>>;

// Data sets keep points in one of two precisions, and rounding happens in it.
enum class PointPrecision { F64, F32 };

// Points as the model learns to write them: `<point x="12.3" y="50.0" alt="ALT">LABEL</point>`, or one `<points
// x1=...>` for another number than one. Coordinates become percent with one decimal, ties to even after multiplying by
// ten; points are sorted by x, then y. Nothing is escaped.
std::string point_text(std::span<const std::array<double, 2>> points, const PointScale& scale, std::string_view label,
                       std::string_view alt, PointPrecision precision = PointPrecision::F64);

}  // namespace molmo::text
