// The kinds `points` and `count`: scenes, and what is to be pointed at or counted (PixMo-Points, PixMo-Count).
#include <algorithm>
#include <set>

#include "synth/draws.h"
#include "synth/scene_truth.h"
#include "synth/targets.h"

namespace molmo::synth {
namespace {

// A form first, so that the many relations of a scene do not crowd out its kinds; plain kinds are asked for most.
const Target& pick_target(const std::vector<Target>& targets, RandomStream& draws) {
  std::vector<std::string> forms;
  for (const Target& target : targets) {
    if (std::find(forms.begin(), forms.end(), target.form) == forms.end()) forms.push_back(target.form);
  }
  std::vector<double> weights;
  for (const std::string& form : forms) weights.push_back(form == "kind" ? 3 : form == "color" ? 1.5 : 1);
  const std::string& form = forms[pick_weighted(draws, weights)];
  std::vector<size_t> candidates;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].form == form) candidates.push_back(i);
  }
  return targets[pick(draws, candidates)];
}

}  // namespace

void add_targets(text::Example& example, const Scene& scene, const SceneRules& rules, const SynthOptions& options,
                 int64_t most, RandomStream& draws) {
  const std::vector<std::string> forms = chosen_forms(options);
  const std::vector<Target> present = present_targets(scene, forms);
  std::set<std::string> asked;
  for (int64_t i = 0; i < most; ++i) {
    const bool is_absent = present.empty() || chance(draws, options.absent_share);
    const Target target = is_absent ? absent_target(scene, rules, forms, draws) : pick_target(present, draws);
    // People also ask for "dog" where there are several.
    const bool is_singular = chance(draws, target.objects.size() <= 1 ? 0.4 : 0.15);
    const bool is_counted = chance(draws, 0.4);
    if (!asked.insert(target.noun.singular).second) continue;
    text::Annotation annotation;
    annotation.style = is_counted ? "point_count" : "pointing";
    annotation.label = is_singular ? target.noun.singular : target.noun.plural;
    annotation.points = percent_points(scene, target.objects);
    annotation.point_scale = 100;
    example.annotations.push_back(std::move(annotation));
  }
}

SynthSample make_points(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  add_targets(sample.text, scene, rules, options, options.questions, draws);
  return sample;
}

SynthSample make_count(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const int64_t most = options.max_objects                        ? *options.max_objects
                       : options.difficulty == Difficulty::Easy   ? 5
                       : options.difficulty == Difficulty::Medium ? 10
                                                                  : 20;
  const int64_t count = whole(draws, std::min(options.min_objects.value_or(0), most), most);
  const Scene scene = draw_scene(rules, plan_count(rules, count, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  sample.text.is_list = false;
  sample.text.image_size = scene.size;
  // The label with a number of objects nearest to the one that was planned: some objects may have found no place.
  Target target = absent_target(scene, rules, chosen_forms(options), draws);
  if (count > 0) {
    const auto farness = [&](const Target& t) { return std::abs(static_cast<int64_t>(t.objects.size()) - count); };
    std::vector<Target> present = present_targets(scene, std::vector<std::string>{"kind", "color"});
    std::stable_sort(present.begin(), present.end(),
                     [&](const Target& a, const Target& b) { return farness(a) < farness(b); });
    const auto last =
        std::find_if(present.begin(), present.end(), [&](const Target& t) { return farness(t) > farness(present[0]); });
    if (!present.empty()) target = present[draws.below(static_cast<uint64_t>(last - present.begin()))];
  }
  text::Annotation annotation;
  annotation.style = "point_count";
  annotation.label = target.noun.plural;
  annotation.point_precision = text::PointPrecision::F32;
  annotation.points.emplace();
  for (size_t i : target.objects) {
    const PointPx center = scene.objects[i].center;
    annotation.points->push_back({center.x, center.y});
  }
  sample.text.annotations.push_back(std::move(annotation));
  return sample;
}

}  // namespace molmo::synth
