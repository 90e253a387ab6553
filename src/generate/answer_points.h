// Points in an answer, placed in the picture that they are about.
#pragma once

#include <string_view>
#include <vector>

#include "base/geometry.h"
#include "text/points.h"

namespace molmo::generate {

struct AnswerPoint {
  text::LabelledPoint point;
  PointPx px;         // in the upright picture
  int64_t image = 0;  // which picture of the conversation, from 0: the first of the last turn with pictures; -1 without
};

struct PointedPicture {
  ImageSize size;
  int64_t index = -1;
};

std::vector<AnswerPoint> locate_points(std::string_view text, const PointedPicture& picture);

}  // namespace molmo::generate
