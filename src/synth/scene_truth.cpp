#include "synth/scene_truth.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::synth {

std::shared_ptr<const Json> scene_truth(const Scene& scene) {
  Json objects = Json::array();
  for (const SceneObject& object : scene.objects) {
    const Kind& kind = vocabulary().kinds[object.kind];
    objects.push_back({{"name", kind.name},
                       {"plural", kind.plural},
                       {"color", object.color},
                       {"pattern", std::string(enum_name(object.pattern))},
                       {"center", {object.center.x, object.center.y}},
                       {"box", object.box},
                       {"length", object.length},
                       {"area", object.area},
                       {"visible_area", object.visible_area}});
  }
  return std::make_shared<const Json>(Json{{"width", scene.size.width},
                                           {"height", scene.size.height},
                                           {"background", scene.background.name},
                                           {"background_description", scene.background.description},
                                           {"arrangement", std::string(enum_name(scene.arrangement))},
                                           {"objects", std::move(objects)}});
}

SynthSample scene_sample(const Scene& scene, const SceneRules& rules, const SynthOptions& options) {
  SynthSample sample;
  sample.picture = render(scene);
  if (options.labels != LabelMap::None) sample.labels = label_map(scene, rules, options.labels);
  sample.truth = scene_truth(scene);
  sample.text.is_list = true;
  return sample;
}

std::vector<std::string> chosen_forms(const SynthOptions& options) {
  const auto all = target_forms();
  const std::vector<std::string> names(all.begin(), all.end());
  if (options.forms.empty()) {
    const size_t count = options.difficulty == Difficulty::Easy     ? 2
                         : options.difficulty == Difficulty::Medium ? 5
                                                                    : names.size();
    return {names.begin(), names.begin() + static_cast<ptrdiff_t>(count)};
  }
  for (const std::string& form : options.forms) {
    if (std::find(names.begin(), names.end(), form) == names.end()) {
      fail(ErrorCategory::InvalidArgument, "forms: '{}' is not a form of description.{}", form,
           did_you_mean(form, names));
    }
  }
  return options.forms;
}

text::Points percent_points(const Scene& scene, const std::vector<size_t>& objects) {
  text::Points points;
  for (size_t i : objects) {
    const PointPx center = scene.objects[i].center;
    points.push_back({center.x * 100 / static_cast<double>(scene.size.width),
                      center.y * 100 / static_cast<double>(scene.size.height)});
  }
  return points;
}

}  // namespace molmo::synth
