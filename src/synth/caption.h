// Descriptions of scenes from their truth: written captions and spoken transcripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "synth/options.h"
#include "synth/phrases.h"
#include "synth/scene.h"

namespace molmo::synth {

// A short one says what there is; a medium one also where and on what; a long one adds sizes and relations. Everything
// that it says is true, and every object is counted in it.
std::string write_caption(const Scene& scene, CaptionLength length, RandomStream& draws);

// Whether a sentence of a caption, without its full stop, is about the background and not about objects on it.
bool is_about_background(std::string_view sentence);

// The same content as somebody says it, with hesitations, in lower case.
std::string write_transcript(const Scene& scene, RandomStream& draws);

// Objects with the same words, in the order of the front ones: what captions and questions count.
struct NamedGroup {
  Noun noun;
  std::vector<size_t> objects;
};
std::vector<NamedGroup> named_groups(const Scene& scene);

}  // namespace molmo::synth
