// The kind `text`: what is said about pictures, without the pictures, for a decoder that learns its language first.
#include <algorithm>
#include <array>

#include "synth/draws.h"
#include "synth/generator.h"
#include "text/prompt.h"

namespace molmo::synth {
namespace {

// Generators, and how often each is heard.
constexpr std::array<std::string_view, 6> kKinds = {"cap", "points", "ask", "scenes", "clocks", "docs"};
constexpr double kKindWeights[] = {0.32, 0.22, 0.22, 0.1, 0.04, 0.1};

}  // namespace

SynthSample make_text(const SynthOptions& options, RandomStream& draws) {
  // A picture that is small enough to cost little; its words are those of a large one.
  SynthOptions small = options;
  small.size = 96;
  small.vary_aspect = false;
  small.labels = LabelMap::None;
  const GeneratorEntry& generator = find_generator(kKinds[pick_weighted(draws, kKindWeights)]);
  text::Example example = generator.make(small, draws).text;
  example.is_list = true;
  SynthSample sample;
  static const text::PromptFormatter formatter{config::PromptConfig{}};
  text::StreamDraws chances(draws);
  std::string text;
  for (const text::Conversation& conversation : formatter.format(example, text::Purpose::Training, chances)) {
    if (!text.empty()) text += "\n";
    for (const std::string& message : conversation.messages) text += message;
  }
  sample.plain_text = std::move(text);
  return sample;
}

}  // namespace molmo::synth
