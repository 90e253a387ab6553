#include "generate/answer_points.h"

namespace molmo::generate {

std::vector<AnswerPoint> locate_points(std::string_view text, const PointedPicture& picture) {
  std::vector<AnswerPoint> points;
  for (auto& point : text::parse_points(text)) {
    const PointPx px = to_px(point.at, picture.size);
    points.push_back({.point = std::move(point), .px = px, .image = picture.index});
  }
  return points;
}

}  // namespace molmo::generate
