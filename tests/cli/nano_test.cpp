// The shipped model does what docs/nano.md says, on pictures that it was not trained on.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "child.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::Result;
using test::run_molmo;

std::string example(const std::string& name) {
  return fs::path(MOLMO_SOURCE_DIR) / "examples" / "images" / name;
}

struct Box {
  double left, top, right, bottom;
  bool holds(const Json& point) const {
    const double x = point["x_px"].get<double>(), y = point["y_px"].get<double>();
    return left <= x && x <= right && top <= y && y <= bottom;
  }
};

// One point in each of the boxes, and no other.
void expect_points(const std::string& thing, const std::string& picture, const std::vector<Box>& boxes) {
  const Result result = run_molmo({"point", thing, example(picture), "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const Json points = parse_json(result.out, "answer")["points"];
  EXPECT_EQ(points.size(), boxes.size()) << thing << ": " << result.out;
  for (const Box& box : boxes)
    EXPECT_EQ(std::ranges::count_if(points, [&](const Json& point) { return box.holds(point); }), 1)
        << thing << ": " << result.out;
}

double score(const fs::path& run, const std::string& benchmark, const std::string& name) {
  return read_json_file(run / benchmark / "scores.json").at("scores").at(name).get<double>();
}

}  // namespace
}  // namespace molmo::cli
