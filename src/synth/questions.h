// Questions about scenes whose answers follow from their truth: what is there, how many, which colour, where, and how
// things lie to each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "synth/options.h"
#include "synth/scene.h"
#include "text/example.h"

namespace molmo::synth {

struct QuestionAnswer {
  std::string question, brief, sentence;  // the answer in a word or two, and as a sentence
};

// Different questions of the forms that the options name; at least one, `most` if the scene has that many.
std::vector<QuestionAnswer> ask_questions(const Scene& scene, const SceneRules& rules, const SynthOptions& options,
                                          int64_t most, RandomStream& draws);

// As annotations of the style user_qa, answered briefly.
void add_questions(text::Example& example, const std::vector<QuestionAnswer>& questions);

}  // namespace molmo::synth
