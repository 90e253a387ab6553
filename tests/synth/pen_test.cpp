#include "synth/pen.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "synth/scene.h"

namespace molmo::synth {
namespace {

uint32_t middle_pixel(const Drawing& drawing) {
  const size_t width = static_cast<size_t>(drawing.picture.width), height = static_cast<size_t>(drawing.picture.height);
  return drawing.picture.pixels[height / 2 * width + width / 2];
}

TEST(Pen, LeavesEmptyHatchesAndPaintsWhatItOutlines) {
  const Color red{1, 0, 0};
  const auto covered = [&](PenFill fill) {
    RandomStream draws(3, "fills");
    const PenLook look{.color = red, .line = red, .fill = fill, .width = 0.04};
    const Drawing square = draw_with_pen("square", {.length = 80}, look, 0.02, draws);
    int64_t inside = 0, painted = 0;
    for (size_t i = 0; i < square.mask.size(); ++i) {
      const uint32_t pixel = square.picture.pixels[i];
      if (pixel >> 24 == 255) {
        EXPECT_EQ(pixel, to_pixel(red));
      }
      if (!square.mask[i]) continue;
      ++inside;
      painted += pixel >> 24 >= 128 ? 1 : 0;
    }
    // 0.9 of the side, 0.85 to 1 of it wide and high, and a pen of 3 pixels around.
    EXPECT_GT(inside, 0.9 * 80 * 0.9 * 80 * 0.85 * 0.85);
    EXPECT_LT(inside, 80 * 80);
    if (fill == PenFill::Empty || fill == PenFill::Painted) {
      EXPECT_EQ(middle_pixel(square) >> 24, fill == PenFill::Empty ? 0u : 255u);
    }
    return static_cast<double>(painted) / static_cast<double>(inside);
  };
  EXPECT_LT(covered(PenFill::Empty), 0.25);  // four lines of 3.2 pixels around 65 x 65
  EXPECT_EQ(covered(PenFill::Painted), 1);
  for (const PenFill fill : {PenFill::Hatched, PenFill::Scribbled}) {
    EXPECT_GT(covered(fill), 0.25);
    EXPECT_LT(covered(fill), 0.9);
  }
}

TEST(Pen, DrawsAllEasyKindsAndNoDrawingTwice) {
  for (const Kind& kind : vocabulary().kinds) {
    if (kind.level != 1) continue;
    ASSERT_TRUE(has_pen_drawing(kind.name)) << kind.name;
    RandomStream draws(7, kind.name);
    const PenLook look{.color = {0, 0, 0}, .line = {0, 0, 0}};
    const Drawing one = draw_with_pen(kind.name, {.length = 60}, look, 0.03, draws);
    const Drawing other = draw_with_pen(kind.name, {.length = 60}, look, 0.03, draws);
    EXPECT_NE(one.picture.pixels, other.picture.pixels) << kind.name;
    EXPECT_GT(std::ranges::count(one.mask, 255), 300) << kind.name;
  }
  EXPECT_FALSE(has_pen_drawing("unicorn"));
}

TEST(Pen, KnowsSeveralWaysToDrawAHouse) {
  // A house of one outline is painted as a whole; one of a box and a roof has the roof empty more often than not.
  const Color blue{0, 0, 1};
  const PenLook look{.color = blue, .line = blue, .fill = PenFill::Painted, .width = 0.03};
  int num_empty_roofs = 0;
  RandomStream draws(5, "houses");
  for (int i = 0; i < 200; ++i) {
    const Drawing house = draw_with_pen("house", {.length = 100}, look, 0, draws);
    const size_t width = static_cast<size_t>(house.picture.width), x = width / 2;
    const auto at = [&](size_t y) { return house.picture.pixels[y * width + x] >> 24; };
    const auto middle = static_cast<size_t>(house.picture.height) / 2;
    ASSERT_GE(at(middle + 8), 128u);                        // its walls
    ASSERT_EQ(house.mask[(middle - 30) * width + x], 255);  // its roof is a part of it
    num_empty_roofs += at(middle - 30) < 128 ? 1 : 0;
  }
  EXPECT_NEAR(num_empty_roofs, 60, 28);  // half of the houses, 0.6 of these: four standard deviations
}

TEST(Pen, ScenesNameTheColorOfThePen) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.size = 200;
  options.hand_drawn = 1;
  int num_objects = 0;
  for (uint64_t index = 0; index < 30; ++index) {
    RandomStream draws(9, "pens", index);
    const SceneRules rules = scene_rules(options, draws);
    const ScenePlan plan = plan_scene(rules, draws);
    ASSERT_TRUE(plan.hand);
    const Scene scene = draw_scene(rules, plan, draws);
    EXPECT_EQ(scene.background.name, "paper");
    for (const SceneObject& object : scene.objects) {
      int64_t named = 0, dark = 0, opaque = 0;
      for (const uint32_t pixel : object.drawing.picture.pixels) {
        if (pixel >> 24 < 255) continue;
        const auto word = color_name(from_pixel(pixel));
        ++opaque;
        named += word == object.color ? 1 : 0;
        dark += luminance(from_pixel(pixel)) < 0.3 ? 1 : 0;
      }
      // All that is not the line of a dark pen; details within paint are darker than it.
      EXPECT_GT(named, 0) << object.color;
      EXPECT_GE(named + dark + opaque / 4, opaque) << object.color;
      ++num_objects;
    }
  }
  EXPECT_GT(num_objects, 40);
}

TEST(Pen, IsAskedForByItsShareAndRefusesKindsWithoutADrawing) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.hand_drawn = 0.3;
  int num_drawn = 0;
  for (uint64_t index = 0; index < 400; ++index) {
    RandomStream draws(2, "share", index);
    num_drawn += scene_rules(options, draws).is_hand_drawn ? 1 : 0;
  }
  EXPECT_NEAR(num_drawn, 120, 40);  // four standard deviations
  options.hand_drawn = 1;
  options.kinds = {"airplane"};
  RandomStream draws(0, "");
  EXPECT_THROW(scene_rules(options, draws), Error);
  options.hand_drawn = 1.5;
  EXPECT_THROW(options.validate(), Error);
}

}  // namespace
}  // namespace molmo::synth
