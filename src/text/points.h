// Points in the model's answers: printing them for training, and finding every spelling that the reference accepts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/geometry.h"

namespace molmo::text {

struct LabelledPoint {
  PointPct at;
  std::string label;  // text inside the tag; empty for untagged spellings
  std::string alt;
};

// In order of appearance. Points with a coordinate above 100 are dropped, as the reference does.
std::vector<LabelledPoint> parse_points(std::string_view answer);

}  // namespace molmo::text
