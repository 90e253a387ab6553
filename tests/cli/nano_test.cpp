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

// One point in each of the boxes, and none elsewhere.
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

// The boxes are those of the emoji and shapes in examples/images/*.svg.
TEST(Nano, PointsIntoEachThingThatItIsAskedFor) {
  expect_points("apples", "apples.png", {{138, 165, 358, 398}, {715, 569, 935, 804}});
  expect_points("dog", "apples.png", {{814, 128, 1034, 360}});
  expect_points("house", "apples.png", {{131, 611, 365, 842}});
  expect_points("red circles", "shapes.png", {{58, 48, 182, 172}, {454, 304, 586, 436}, {272, 192, 388, 308}});
  expect_points("cat", "apples.png", {});
}

TEST(Nano, CountsAndReadsTheTimeAndAChart) {
  EXPECT_EQ(run_molmo({"count", "apples", example("apples.png")}).out, "2\n");
  EXPECT_EQ(run_molmo({"run", "--image", example("clock.png"), "-p", "What time is shown on the clock?"}).out,
            " The time is 10:10.\n");
  EXPECT_EQ(run_molmo({"run", "--image", example("clock.png"), "-p", "What time is it?"}).out, " The time is 10:10.\n");
  EXPECT_EQ(run_molmo({"run", "--image", example("chart.png"), "-p", "What is the value of Ben?"}).out, " 70\n");
}

// Fewer pictures than the page counts, so that half a minute is enough: the least that is asked for lies two standard
// deviations of that number of pictures below the page's figure.
TEST(Nano, DoesWhatItsPageSays) {
  const test::TemporaryFolder folder;
  const fs::path run = folder.path() / "scores";
  const Result result = run_molmo({"eval", "run", "synth", "--limit", "60", "--option", "difficulty=easy", "--option",
                                   "size=256", "--option", "vary_aspect=true", "-o", run});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_GE(score(run, "synth-points", "f1"), 0.95);
  EXPECT_GE(score(run, "synth-points", "absent"), 0.90);
  EXPECT_GE(score(run, "synth-count", "correct"), 0.74);
  EXPECT_GE(score(run, "synth-count", "close"), 0.92);
  EXPECT_GE(score(run, "synth-clocks", "within_5_minutes"), 0.92);
  EXPECT_GE(score(run, "synth-cap", "recall"), 0.92);
  EXPECT_GE(score(run, "synth-cap", "precision"), 0.94);
  EXPECT_GE(score(run, "synth-docs", "relaxed"), 0.52);
}

}  // namespace
}  // namespace molmo::cli
