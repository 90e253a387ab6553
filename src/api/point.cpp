#include "molmo/point.h"

#include "api/guard.h"
#include "api/impl.h"
#include "image/overlay.h"
#include "text/points.h"

namespace molmo {

std::vector<Point> parse_points(std::string_view text, const Image& image) {
  return api::guarded([&] {
    std::vector<Point> points;
    for (const auto& labelled : text::parse_points(text)) {
      points.push_back(api::to_public({labelled, to_px(labelled.at, image.impl().image.size), 0}));
    }
    return points;
  });
}

void write_overlay(const std::filesystem::path& path, const Image& image, const std::vector<Point>& points) {
  api::guarded([&] {
    std::vector<image::OverlayPoint> drawn;
    for (const Point& point : points) drawn.push_back({{point.x_px, point.y_px}, point.label});
    image::write_overlay(image.impl().image, drawn, path);
  });
}

}  // namespace molmo
