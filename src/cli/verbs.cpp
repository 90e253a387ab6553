#include <algorithm>

#include "cli/verb.h"

namespace molmo::cli {

std::unique_ptr<Verb> make_run();
std::unique_ptr<Verb> make_chat();
std::unique_ptr<Verb> make_caption();
std::unique_ptr<Verb> make_point();
std::unique_ptr<Verb> make_count();
std::unique_ptr<Verb> make_tokenize();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_trace();
std::unique_ptr<Verb> make_convert();
std::unique_ptr<Verb> make_init();
std::unique_ptr<Verb> make_train();
std::unique_ptr<Verb> make_synth();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_man();

namespace {

constexpr VerbEntry kVerbs[] = {
    {"run", "Ask about pictures; the answer is streamed", make_run},
    {"chat", "Talk about a picture in the terminal", make_chat},
    {"caption", "Describe pictures", make_caption},
    {"point", "Point to something in a picture", make_point},
    {"count", "Count something in a picture", make_count},
    {"tokenize", "Turn text into token ids, or back", make_tokenize},
    {"inspect", "Tell a model's configuration, tensors, parameters and memory", make_inspect},
    {"trace", "Write every intermediate tensor of one prompt", make_trace},
    {"convert", "Write any checkpoint in the released layout; merge adapters", make_convert},
    {"init", "Write a checkpoint with random weights", make_init},
    {"train", "Train a model: pre-training, fine-tuning, low-rank adapters", make_train},
    {"synth", "Draw pictures whose questions have exact answers, as PixMo data sets", make_synth},
    {"completion", "Print a completion script for bash, zsh or fish", make_completion},
    {"man", "Print the manual", make_man},
};

}  // namespace

std::span<const VerbEntry> verbs() {
  return kVerbs;
}

const VerbEntry* find_verb(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbEntry& entry) { return entry.name == name; });
  return found == std::end(kVerbs) ? nullptr : found;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const VerbEntry& entry : kVerbs) names.emplace_back(entry.name);
  return names;
}

}  // namespace molmo::cli
