// Label maps of scenes: what a vision tower can learn from every patch.
#include <algorithm>
#include <cstddef>

#include "base/enum_names.h"
#include "base/error.h"
#include "synth/label_classes.h"
#include "synth/scene.h"

namespace molmo::synth {
namespace {

constexpr int kNumOffsets = 9;

// The place of the colour's word, or one more for things of many colours.
int color_index(const SceneObject& object) {
  const auto names = color_names();
  return static_cast<int>(std::find(names.begin(), names.end(), object.color) - names.begin());
}

// Which ninth of its object a pixel lies in, row by row from the upper left: so where the middle is, seen from here.
int offset_index(const SceneObject& object, double x, double y) {
  const auto third = [&](double offset) {
    return offset < -object.length / 6 ? 0 : offset > object.length / 6 ? 2 : 1;
  };
  return 3 * third(y - object.center.y) + third(x - object.center.x);
}

// In which cell of a square grid over the picture the middle of an object lies, row by row.
int place_index(const Scene& scene, const SceneObject& object) {
  const auto cell = [](double middle, int64_t side) {
    return std::clamp(static_cast<int>(kNumPlacesAcross * middle / static_cast<double>(side)), 0, kNumPlacesAcross - 1);
  };
  return kNumPlacesAcross * cell(object.center.y, scene.size.height) + cell(object.center.x, scene.size.width);
}

}  // namespace

std::vector<uint8_t> label_map(const Scene& scene, const SceneRules& rules, LabelMap labels) {
  if (labels == LabelMap::All) {
    std::vector<uint8_t> all;
    for (const LabelMap map : {LabelMap::Kinds, LabelMap::Colors, LabelMap::Places}) {
      const std::vector<uint8_t> classes = label_map(scene, rules, map);
      all.insert(all.end(), classes.begin(), classes.end());
    }
    return all;
  }
  const bool joins_kinds = labels == LabelMap::KindColors || labels == LabelMap::KindOffsets;
  const int per_kind = labels == LabelMap::KindColors ? num_color_classes() : kNumOffsets;
  if (labels == LabelMap::Time || labels == LabelMap::Hands || labels == LabelMap::Characters ||
      labels == LabelMap::Words) {
    fail(ErrorCategory::InvalidArgument, "labels: '{}' are not those of scenes", enum_name(labels));
  }
  if (joins_kinds && static_cast<int>(rules.kinds.size()) * per_kind > 255) {
    fail(ErrorCategory::InvalidArgument, "labels: '{}' tell at most {} kinds apart, and there are {}; set num_kinds",
         enum_name(labels), 255 / per_kind, rules.kinds.size());
  }
  // Of each object; offsets are added for each pixel.
  std::vector<int> classes;
  for (const SceneObject& object : scene.objects) {
    const auto rank =
        static_cast<int>(std::find(rules.kinds.begin(), rules.kinds.end(), object.kind) - rules.kinds.begin());
    switch (labels) {
      case LabelMap::Kinds:
        classes.push_back(1 + static_cast<int>(object.kind));
        break;
      case LabelMap::Colors:
        classes.push_back(1 + color_index(object));
        break;
      case LabelMap::KindColors:
        classes.push_back(1 + rank * num_color_classes() + color_index(object));
        break;
      case LabelMap::KindOffsets:
        classes.push_back(1 + rank * kNumOffsets);
        break;
      case LabelMap::Places:
        classes.push_back(1 + place_index(scene, object));
        break;
      case LabelMap::Objects:
        classes.push_back(1 + static_cast<int>(classes.size()));
        break;
      default:
        classes.push_back(1);
    }
  }
  const bool has_offsets = labels == LabelMap::Offsets || labels == LabelMap::KindOffsets;
  std::vector<uint8_t> map(scene.owner.size(), 0);
  size_t i = 0;
  for (int64_t y = 0; y < scene.size.height; ++y) {
    for (int64_t x = 0; x < scene.size.width; ++x, ++i) {
      if (scene.owner[i] == Scene::kNobody) continue;
      const SceneObject& object = scene.objects[scene.owner[i]];
      const int offset =
          has_offsets ? offset_index(object, static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5) : 0;
      map[i] = static_cast<uint8_t>(classes[scene.owner[i]] + offset);
    }
  }
  return map;
}

}  // namespace molmo::synth
