// Printing and reading points against the reference: formatting/points_to_text.json and metrics/point_parsing.json.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fixtures.h"
#include "text/points.h"

namespace molmo::text {
namespace {

TEST(PointsParity, PrintsLikeTheReference) {
  const Json golden = read_json_file(test::fixture_path("formatting/points_to_text.json"));
  EXPECT_GT(golden["cases"].size(), 100u);
  for (const Json& item : golden["cases"]) {
    SCOPED_TRACE(item["id"].get<std::string>());
    const Json& json_scale = item["scale"];
    const PointScale scale = json_scale.is_array() ? PointScale(json_scale.get<std::array<double, 2>>())
                                                   : PointScale(json_scale.get<double>());
    const auto precision = item["dtype"] == "float32" ? PointPrecision::F32 : PointPrecision::F64;
    const auto points = item["points"].get<std::vector<std::array<double, 2>>>();
    EXPECT_EQ(point_text(points, scale, item["label"].get<std::string>(), item["alt"].get<std::string>(), precision),
              item["expected"].get<std::string>());
  }
}

TEST(PointsParity, ReadsLikeTheReference) {
  const Json golden = read_json_file(test::fixture_path("metrics/point_parsing.json"));
  EXPECT_GT(golden["cases"].size(), 90u);
  for (const Json& item : golden["cases"]) {
    SCOPED_TRACE(item["text"].get<std::string>());
    const auto expected = item["expected"]["points"].get<std::vector<std::array<double, 2>>>();
    const auto points = parse_points(item["text"].get<std::string>());
    ASSERT_EQ(points.size(), expected.size());
    for (size_t i = 0; i < points.size(); ++i) {
      // The fixture is in pixels, computed as percent / 100 * size; the tolerance is the fixture's own.
      const double x = points[i].at.x / 100 * item["width"].get<double>();
      const double y = points[i].at.y / 100 * item["height"].get<double>();
      EXPECT_NEAR(x, expected[i][0], 1e-9 * std::max(1.0, expected[i][0]));
      EXPECT_NEAR(y, expected[i][1], 1e-9 * std::max(1.0, expected[i][1]));
    }
  }
}

}  // namespace
}  // namespace molmo::text
