#include "text/points.h"

#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

void run(std::string_view bytes) {
  (void)text::parse_points(bytes);
  (void)text::strip_point_tags(bytes);
}

std::vector<std::string> seeds() {
  return {
      R"(<point x="12.3" y="45.6" alt="mug">mug</point>)",
      R"(Counting the <points x1="1.0" y1="2.0" x2="3.5" y2="99.9" alt="a b">a b</points> shows a total of 2.)",
      "Click(10.5, 20.0) or (1.0, 2.0), p=105,200 and 3=005,999",
      R"(<points x1="100.1" y1="0.0">)",
  };
}

}  // namespace

Target points_target() {
  return {"points", run, seeds};
}

}  // namespace molmo::fuzz
