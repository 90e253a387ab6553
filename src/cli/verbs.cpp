#include <algorithm>

#include "cli/verb.h"

namespace molmo::cli {

std::unique_ptr<Verb> make_tokenize();
std::unique_ptr<Verb> make_inspect();
std::unique_ptr<Verb> make_completion();
std::unique_ptr<Verb> make_man();

namespace {

constexpr VerbEntry kVerbs[] = {
    {"tokenize", "Turn text into token ids, or back", make_tokenize},
    {"inspect", "Tell a model's configuration, tensors, parameters and memory", make_inspect},
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
