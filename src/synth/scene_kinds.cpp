// The kinds `ask`, `capqa` and `scenes`: questions about a scene (PixMo-AskModelAnything, PixMo-CapQA), and everything
// that one can ask about it at once.
#include <algorithm>

#include "synth/caption.h"
#include "synth/draws.h"
#include "synth/questions.h"
#include "synth/scene_truth.h"

namespace molmo::synth {
namespace {

void add_conversation(text::Example& example, std::span<const QuestionAnswer> questions) {
  text::Annotation annotation;
  annotation.style = "synthetic_qa";
  annotation.messages.emplace();
  for (const QuestionAnswer& qa : questions) {
    annotation.messages->push_back(qa.question);
    annotation.messages->push_back(qa.sentence);
  }
  example.annotations.push_back(std::move(annotation));
}

}  // namespace

SynthSample make_questions(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  add_questions(sample.text, ask_questions(scene, rules, options, options.questions, draws));
  return sample;
}

SynthSample make_caption_questions(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  const std::vector<QuestionAnswer> questions = ask_questions(scene, rules, options, options.questions, draws);
  // Conversations of one to three turns.
  for (std::span<const QuestionAnswer> left = questions; !left.empty();) {
    const auto turns = std::min<size_t>(left.size(), 1 + draws.below(3));
    add_conversation(sample.text, left.first(turns));
    left = left.subspan(turns);
  }
  return sample;
}

SynthSample make_scene(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  // A caption for every third picture; of the rest about half are questions.
  int64_t left = options.questions;
  if (chance(draws, 0.33)) {
    add_caption(sample.text, scene, options, draws);
    --left;
  }
  const int64_t num_targets = left / 2 + (left % 2 != 0 && chance(draws, 0.5) ? 1 : 0);
  add_targets(sample.text, scene, rules, options, num_targets, draws);
  if (left > num_targets) add_questions(sample.text, ask_questions(scene, rules, options, left - num_targets, draws));
  return sample;
}

}  // namespace molmo::synth
