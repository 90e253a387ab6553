// What one can ask to point at or to count in a scene: a description, and exactly the objects that it fits.
// Descriptions for which people would disagree (a mug that is only just left of the plant) are never made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "synth/phrases.h"
#include "synth/scene.h"

namespace molmo::synth {

struct Target {
  std::string form;             // "kind", "color", "pattern", "group", "relation", "side", "extreme", "size"
  Noun noun;                    // "red mug left of the plant" and its plural
  std::vector<size_t> objects;  // of the scene, in its order; empty for what is not there
};

// The forms, in order of difficulty.
std::span<const std::string_view> target_forms();

// All descriptions of these forms that fit at least one object.
std::vector<Target> present_targets(const Scene& scene, std::span<const std::string> forms);

// A thing that is not there: another kind, a colour that none of a kind has, or another group. `rules` says which kinds
// one may expect. The form is one of `forms`.
Target absent_target(const Scene& scene, const SceneRules& rules, std::span<const std::string> forms,
                     RandomStream& draws);

}  // namespace molmo::synth
