#include "synth/scene.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "synth/emoji.h"
#include "synth/scene_truth.h"
#include "synth/targets.h"

namespace molmo::synth {
namespace {

constexpr int kNumScenes = 40;

struct Drawn {
  SceneRules rules;
  Scene scene;
};

Drawn draw_sample(Difficulty difficulty, uint64_t index) {
  SynthOptions options;
  options.size = 160;
  options.difficulty = difficulty;
  RandomStream draws(11, "scene_test", index);
  const SceneRules rules = scene_rules(options, draws);
  return {rules, draw_scene(rules, plan_scene(rules, draws), draws)};
}

size_t pixel_index(const Scene& scene, PointPx point) {
  return static_cast<size_t>(point.y) * static_cast<size_t>(scene.size.width) + static_cast<size_t>(point.x);
}

bool differs(const image::Image& a, const image::Image& b, size_t pixel) {
  for (size_t c = 0; c < 3; ++c) {
    if (a.pixels[3 * pixel + c] != b.pixels[3 * pixel + c]) return true;
  }
  return false;
}

TEST(Scene, EveryPointLiesOnWhatVanishesWithItsObject) {
  int num_objects = 0;
  for (uint64_t index = 0; index < kNumScenes; ++index) {
    const auto [rules, scene] = draw_sample(Difficulty::Hard, index);
    const image::Image whole = render(scene);
    for (size_t i = 0; i < scene.objects.size(); ++i, ++num_objects) {
      const SceneObject& object = scene.objects[i];
      const size_t at = pixel_index(scene, object.center);
      ASSERT_EQ(scene.owner[at], i) << "scene " << index;
      if (object.pattern == Pattern::Outlined) continue;  // the background shows inside of it
      EXPECT_TRUE(differs(whole, render(scene, i), at)) << "scene " << index << ", object " << i;
    }
  }
  EXPECT_GT(num_objects, 5 * kNumScenes);
}

TEST(Scene, OwnersAreThePixelsThatChangeWithTheirObject) {
  for (uint64_t index = 0; index < kNumScenes; ++index) {
    auto [rules, scene] = draw_sample(Difficulty::Medium, index);
    scene.photo = 0;
    scene.has_shadows = false;
    const image::Image whole = render(scene);
    for (size_t i = 0; i < scene.objects.size(); ++i) {
      if (scene.objects[i].pattern == Pattern::Outlined) continue;
      const image::Image without = render(scene, i);
      int64_t owned = 0, owned_and_changed = 0, others_changed = 0;
      for (size_t pixel = 0; pixel < scene.owner.size(); ++pixel) {
        const bool is_changed = differs(whole, without, pixel);
        owned += scene.owner[pixel] == i;
        owned_and_changed += scene.owner[pixel] == i && is_changed;
        others_changed += scene.owner[pixel] != i && is_changed;
      }
      EXPECT_EQ(owned, scene.objects[i].visible_area);
      // Some pixels of an object may have the very colour of what lies behind it, and soft edges reach a pixel beyond.
      EXPECT_GT(static_cast<double>(owned_and_changed), 0.9 * static_cast<double>(owned))
          << "scene " << index << " object " << i;
      const double edge = 4 * scene.objects[i].length + 0.35 * static_cast<double>(scene.objects[i].area);
      EXPECT_LT(static_cast<double>(others_changed), edge) << "scene " << index << " object " << i;
    }
  }
}

TEST(Scene, KeepsEnoughOfEveryObjectVisible) {
  for (uint64_t index = 0; index < kNumScenes; ++index) {
    for (Difficulty difficulty : {Difficulty::Easy, Difficulty::Hard}) {
      const auto [rules, scene] = draw_sample(difficulty, index);
      EXPECT_LE(std::ssize(scene.objects), rules.max_objects);
      for (const SceneObject& object : scene.objects) {
        EXPECT_GT(static_cast<double>(object.visible_area),
                  (rules.min_visible - 0.06) * static_cast<double>(object.area));
      }
    }
  }
}

TEST(Scene, LabelsFollowTheOwners) {
  const auto [rules, scene] = draw_sample(Difficulty::Hard, 3);
  const auto kinds = label_map(scene, rules, LabelMap::Kinds), colors = label_map(scene, rules, LabelMap::Colors);
  const auto offsets = label_map(scene, rules, LabelMap::Offsets);
  ASSERT_FALSE(scene.objects.empty());
  for (size_t pixel = 0; pixel < scene.owner.size(); ++pixel) {
    if (scene.owner[pixel] == Scene::kNobody) {
      EXPECT_EQ(kinds[pixel] + colors[pixel] + offsets[pixel], 0);
    } else {
      EXPECT_EQ(kinds[pixel], scene.objects[scene.owner[pixel]].kind + 1);
      EXPECT_GE(colors[pixel], 1);
      EXPECT_LE(colors[pixel], 12);
    }
  }
  for (const SceneObject& object : scene.objects) EXPECT_EQ(offsets[pixel_index(scene, object.center)], 5);
}

// A joint class is the pair of a kind's place among those of the options and what the other map says.
TEST(Scene, JointLabelsAreThePairsOfTheirParts) {
  SynthOptions options;
  options.size = 160;
  options.difficulty = Difficulty::Easy;
  options.num_kinds = 12;
  for (uint64_t index = 0; index < 10; ++index) {
    RandomStream draws(5, "labels", index);
    const SceneRules rules = scene_rules(options, draws);
    ASSERT_EQ(rules.kinds.size(), 12u);
    const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
    const auto kinds = label_map(scene, rules, LabelMap::Kinds), colors = label_map(scene, rules, LabelMap::Colors);
    const auto offsets = label_map(scene, rules, LabelMap::Offsets);
    const auto kind_colors = label_map(scene, rules, LabelMap::KindColors);
    const auto kind_offsets = label_map(scene, rules, LabelMap::KindOffsets);
    for (size_t pixel = 0; pixel < kinds.size(); ++pixel) {
      if (kinds[pixel] == 0) {
        EXPECT_EQ(kind_colors[pixel] + kind_offsets[pixel], 0);
        continue;
      }
      EXPECT_EQ(rules.kinds[static_cast<size_t>((kind_colors[pixel] - 1) / 12)], kinds[pixel] - 1u);
      EXPECT_EQ((kind_colors[pixel] - 1) % 12 + 1, colors[pixel]);
      EXPECT_EQ(rules.kinds[static_cast<size_t>((kind_offsets[pixel] - 1) / 9)], kinds[pixel] - 1u);
      EXPECT_EQ((kind_offsets[pixel] - 1) % 9 + 1, offsets[pixel]);
    }
  }
}

TEST(Scene, HasAsManyGroupsAsAskedFor) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.min_objects = options.max_objects = 12;
  size_t most = 0;
  for (uint64_t index = 0; index < 60; ++index) {
    for (const int64_t max_groups : {1, 8}) {
      options.max_groups = max_groups;
      RandomStream draws(5, "groups", index);
      const SceneRules rules = scene_rules(options, draws);
      const size_t num_groups = plan_scene(rules, draws).groups.size();
      EXPECT_LE(num_groups, static_cast<size_t>(max_groups));
      most = std::max(most, num_groups);
    }
  }
  EXPECT_EQ(most, 8u);
}

TEST(Scene, HasFewColorsWhereAskedFor) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.kinds = {"circle", "square", "triangle", "star"};
  options.min_objects = options.max_objects = options.max_groups = 6;
  options.max_colors = 2;
  int entangled = 0;  // one color of two kinds, one kind in two colors
  for (uint64_t index = 0; index < 60; ++index) {
    RandomStream draws(5, "colors", index);
    std::set<std::string> colors;
    std::set<size_t> kinds;
    std::set<std::pair<size_t, std::string>> pairs;
    for (const PlannedGroup& group : plan_scene(scene_rules(options, draws), draws).groups) {
      colors.insert(group.color);
      kinds.insert(group.kind);
      pairs.insert({group.kind, group.color});
    }
    EXPECT_LE(colors.size(), 2u);
    entangled += pairs.size() > colors.size() && pairs.size() > kinds.size() ? 1 : 0;
  }
  EXPECT_GT(entangled, 20);
}

TEST(Scene, RefusesLabelsThatDoNotFit) {
  const auto [rules, scene] = draw_sample(Difficulty::Hard, 3);
  EXPECT_THROW(label_map(scene, rules, LabelMap::KindColors), Error) << "more kinds than a byte can tell apart";
  EXPECT_THROW(label_map(scene, rules, LabelMap::Time), Error) << "of clocks";
}

TEST(Scene, RefusesKindsThatDoNotExist) {
  SynthOptions options;
  options.kinds = {"aple"};
  RandomStream draws(0, "");
  try {
    scene_rules(options, draws);
    FAIL() << "accepted 'aple'";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    EXPECT_NE(std::string(error.what()).find("apple"), std::string::npos) << error.what();
  }
}

TEST(Scene, DrawsOnlyTheKindsThatAreAskedFor) {
  SynthOptions options;
  options.size = 96;
  options.kinds = {"fruits", "dog"};
  std::set<std::string> seen;
  for (uint64_t index = 0; index < 60; ++index) {
    RandomStream draws(1, "kinds", index);
    const SceneRules rules = scene_rules(options, draws);
    for (const SceneObject& object : draw_scene(rules, plan_scene(rules, draws), draws).objects) {
      const Kind& kind = vocabulary().kinds[object.kind];
      seen.insert(kind.name);
      EXPECT_TRUE(kind.name == "dog" || std::count(kind.groups.begin(), kind.groups.end(), "fruit")) << kind.name;
    }
  }
  EXPECT_GT(seen.size(), 5u);
}

TEST(Vocabulary, EveryKindCanBeDrawn) {
  EXPECT_GE(vocabulary().kinds.size(), 80u);
  std::set<std::string> names;
  RandomStream draws(0, "");
  for (const Kind& kind : vocabulary().kinds) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    for (const std::string& other : kind.like) EXPECT_NO_THROW(vocabulary().find(other));
    if (kind.emoji) {
      EXPECT_GT(emoji(kind.emoji).levels[0].width, 40) << kind.name;
      if (kind.has_any_color) {
        EXPECT_GT(painted_emoji(kind.emoji, "green").levels[0].width, 40) << kind.name;
      }
    } else {
      EXPECT_TRUE(kind.has_any_color) << kind.name;
      const Drawing drawing = draw_shape(kind.shape, {.length = 40}, {.color = {1, 0, 0}, .second = {}}, draws);
      EXPECT_GT(std::count(drawing.mask.begin(), drawing.mask.end(), 255), 200) << kind.name;
    }
  }
}

TEST(Colors, ShadesAreNamedByTheirWord) {
  RandomStream draws(2, "shades");
  for (std::string_view name : color_names()) {
    for (int i = 0; i < 50; ++i) {
      const Color color = shade(name, draws);
      EXPECT_EQ(color_name(color).value_or("?"), name);
      EXPECT_EQ(color_name(from_pixel(to_pixel(color))).value_or("?"), name);
    }
    EXPECT_EQ(color_name(typical(name)).value_or("?"), name);
  }
}

// The truth again, from the centres alone.
TEST(Targets, DescribeExactlyTheirObjects) {
  const std::vector<std::string> forms(target_forms().begin(), target_forms().end());
  std::set<std::string> seen;
  for (uint64_t index = 0; index < kNumScenes; ++index) {
    const auto [rules, scene] = draw_sample(Difficulty::Hard, index);
    for (const Target& target : present_targets(scene, forms)) {
      seen.insert(target.form);
      ASSERT_FALSE(target.objects.empty());
      const std::string& name = target.noun.singular;
      const auto position = [&](size_t i) {
        return std::pair(scene.objects[i].center.x / static_cast<double>(scene.size.width),
                         scene.objects[i].center.y / static_cast<double>(scene.size.height));
      };
      const std::set<size_t> chosen(target.objects.begin(), target.objects.end());
      if (target.form == "kind") {
        for (size_t i = 0; i < scene.objects.size(); ++i) {
          EXPECT_EQ(chosen.contains(i), vocabulary().kinds[scene.objects[i].kind].name == name);
        }
      } else if (target.form == "side") {
        for (size_t i : target.objects) {
          const auto [x, y] = position(i);
          if (name.ends_with("left half")) {
            EXPECT_LT(x, 0.45) << name;
          }
          if (name.ends_with("right half")) {
            EXPECT_GT(x, 0.55) << name;
          }
          if (name.ends_with("upper half")) {
            EXPECT_LT(y, 0.45) << name;
          }
          if (name.ends_with("lower half")) {
            EXPECT_GT(y, 0.55) << name;
          }
        }
      } else if (target.form == "extreme" && name.starts_with("leftmost")) {
        for (size_t i = 0; i < scene.objects.size(); ++i) {
          if (scene.objects[i].kind == scene.objects[target.objects[0]].kind &&
              name.ends_with(" " + vocabulary().kinds[scene.objects[i].kind].name) &&
              name == "leftmost " + vocabulary().kinds[scene.objects[i].kind].name) {
            EXPECT_GE(position(i).first, position(target.objects[0]).first);
          }
        }
      }
    }
  }
  for (std::string_view form : target_forms()) EXPECT_TRUE(seen.contains(std::string(form))) << form;
}

TEST(Targets, AbsentThingsAreAbsent) {
  const std::vector<std::string> forms(target_forms().begin(), target_forms().end());
  RandomStream draws(5, "absent");
  for (uint64_t index = 0; index < kNumScenes; ++index) {
    const auto [rules, scene] = draw_sample(Difficulty::Hard, index);
    const std::vector<Target> present = present_targets(scene, forms);
    for (int i = 0; i < 20; ++i) {
      const Target absent = absent_target(scene, rules, forms, draws);
      EXPECT_TRUE(absent.objects.empty());
      for (const Target& target : present) EXPECT_NE(target.noun.singular, absent.noun.singular);
    }
  }
}

}  // namespace
}  // namespace molmo::synth
