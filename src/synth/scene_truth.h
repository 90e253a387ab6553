// The truth about a scene as JSON: objects from the front to the back with name, plural, colour, pattern, box, areas,
// centre; background and arrangement.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "synth/generator.h"
#include "synth/scene.h"
#include "synth/targets.h"

namespace molmo::synth {

std::shared_ptr<const Json> scene_truth(const Scene& scene);

// A sample with the picture, the labels that the options ask for, and the truth; the text is left to the kind.
SynthSample scene_sample(const Scene& scene, const SceneRules& rules, const SynthOptions& options);

// The forms of targets that the options name, or else those of the difficulty. Throws InvalidArgument for an unknown
// one.
std::vector<std::string> chosen_forms(const SynthOptions& options);

// Different things to point at or to count, at most `most` and at least one of them.
void add_targets(text::Example& example, const Scene& scene, const SceneRules& rules, const SynthOptions& options,
                 int64_t most, RandomStream& draws);
void add_caption(text::Example& example, const Scene& scene, const SynthOptions& options, RandomStream& draws);

// Centres of the objects, in percent.
text::Points percent_points(const Scene& scene, const std::vector<size_t>& objects);

}  // namespace molmo::synth
