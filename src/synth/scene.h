// Scenes: things of the vocabulary on a background, and the exact truth about them.
//   const SceneRules rules = scene_rules(options);
//   const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
//   image::Image picture = render(scene);
// Objects are placed from the front to the back: one that is added later never covers an earlier one, so that the share
// of an object that stays visible is known when it is placed, and a place where too little is visible is refused.
// Drawing the same plan with the same draws gives the same pixels on any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/geometry.h"
#include "synth/options.h"
#include "synth/pen.h"
#include "synth/shapes.h"
#include "synth/vocabulary.h"

namespace molmo::synth {

// What a difficulty and its overrides come to.
struct SceneRules {
  ImageSize size;
  std::vector<size_t> kinds;  // of the vocabulary
  int64_t min_objects = 1, max_objects = 10;
  int64_t max_groups = 4;                 // kinds (or colours of a kind) of one scene
  std::optional<int64_t> max_colors;      // of what may have any colour
  double min_size = 0.1, max_size = 0.3;  // longer side of an object, as a share of the picture's shorter side
  double min_visible = 0.7;               // share of an object that others and the frame leave
  BackgroundRange background = BackgroundRange::All;
  double look_variety = 0.5;  // chance of patterns, outlines, unsteady hands, turned objects, shadows
  double photo = 0.5;         // strength of light and grain
  bool is_hand_drawn = false;
  std::vector<size_t> drawn_kinds;  // of `kinds`; all of them but in drawings by hand
};
// Throws InvalidArgument for kinds that do not exist.
SceneRules scene_rules(const SynthOptions& options, RandomStream& draws);

// Objects that look alike.
struct PlannedGroup {
  size_t kind = 0;
  std::string color;  // a colour word for kinds that come in every colour
  Pattern pattern = Pattern::Solid;
  int64_t count = 1;
  double length = 0.2;  // share of the picture's shorter side
};

enum class Arrangement { Scattered, Grid, Row, Clusters };

struct ScenePlan {
  std::vector<PlannedGroup> groups;
  Arrangement arrangement = Arrangement::Scattered;
  Background background;
  std::vector<uint32_t> backdrop;  // its pixels, so that colours can be chosen that show on it
  std::optional<Hand> hand;        // that draws all of it
};

// A plan with a number of objects that is drawn evenly between the rules' limits.
ScenePlan plan_scene(const SceneRules& rules, RandomStream& draws);
// A plan with exactly this many objects of one look, and others around them; also 0.
ScenePlan plan_count(const SceneRules& rules, int64_t count, RandomStream& draws);

struct SceneObject {
  size_t kind = 0;
  std::string color;  // the word for it, of painted kinds and of those that have one colour by nature; may be empty
  Pattern pattern = Pattern::Solid;
  double length = 0;         // of the longer side, in pixels
  int64_t area = 0;          // pixels of the whole object, also those hidden or outside
  int64_t visible_area = 0;  // pixels that show
  std::array<int, 4> box{};  // of the visible part: left, top, right, bottom (half open)
  PointPx center;            // lies on a visible pixel: the middle of the visible part, or the place deepest inside it
  Drawing drawing;
  int left = 0, top = 0;  // of the drawing in the picture
};

struct Scene {
  ImageSize size;
  Background background;
  Arrangement arrangement = Arrangement::Scattered;
  std::vector<SceneObject> objects;  // from the front to the back
  std::vector<uint8_t> owner;        // [height, width]: index of the object that shows there, or kNobody
  static constexpr uint8_t kNobody = 255;
  std::vector<uint32_t> backdrop;
  double photo = 0;
  RandomStream photo_draws{0, "photo"};
  bool has_shadows = false;
};

// Places what fits; an object that finds no place with enough of it visible is left out.
Scene draw_scene(const SceneRules& rules, const ScenePlan& plan, RandomStream& draws);

// `without` leaves one object out and changes nothing else, for checks of the truth.
image::Image render(const Scene& scene, std::optional<size_t> without = std::nullopt);

// [height, width], a class per pixel, or three of these for All; see docs/synth.md. Throws InvalidArgument for labels
// of clocks, and where the rules have more kinds than a byte can tell apart.
std::vector<uint8_t> label_map(const Scene& scene, const SceneRules& rules, LabelMap labels);

}  // namespace molmo::synth

template <>
struct molmo::EnumNames<molmo::synth::Arrangement> {
  using enum synth::Arrangement;
  static constexpr EnumName<synth::Arrangement> kValues[] = {
      {Scattered, "scattered"}, {Grid, "grid"}, {Row, "row"}, {Clusters, "clusters"}};
};
