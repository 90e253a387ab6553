#include "synth/vocabulary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/nearest.h"

namespace molmo::synth {
namespace {

constexpr std::string_view kVocabularyYaml =
#include "embedded/synth/vocabulary.yaml.inc"
    ;

// YAML reads 2708 as a number and 1F697 as a text.
char32_t read_code_point(const Json& value) {
  const std::string digits = value.is_string() ? value.get<std::string>() : value.dump();
  return static_cast<char32_t>(std::stoul(digits, nullptr, 16));
}

Vocabulary read_vocabulary() {
  const Json document = parse_yaml(kVocabularyYaml, "vocabulary.yaml");
  Vocabulary vocabulary;
  for (const auto& [name, words] : document.at("groups").items()) {
    vocabulary.groups.push_back({name, words.at(0).get<std::string>(), words.at(1).get<std::string>()});
  }
  for (const Json& entry : document.at("kinds")) {
    Kind kind;
    kind.name = entry.at("name").get<std::string>();
    kind.plural = entry.value("plural", kind.name + "s");
    if (entry.contains("emoji")) kind.emoji = read_code_point(entry.at("emoji"));
    kind.shape = entry.value("shape", "");
    kind.color = entry.value("color", "");
    kind.has_any_color = kind.color == "any";
    if (kind.has_any_color) kind.color.clear();
    kind.groups = entry.at("in").get<std::vector<std::string>>();
    if (entry.contains("like")) kind.like = entry.at("like").get<std::vector<std::string>>();
    kind.level = entry.at("level").get<int>();
    check_internal((kind.emoji != 0) != !kind.shape.empty(), kind.name + " needs an emoji or a shape");
    for (const std::string& group : kind.groups) vocabulary.group(group);
    vocabulary.kinds.push_back(std::move(kind));
  }
  constexpr size_t kMaxClasses = 255;  // a label map has a byte per pixel, and 0 is the background
  check_internal(vocabulary.kinds.size() <= kMaxClasses, "more kinds than a label map can tell apart");
  return vocabulary;
}

}  // namespace

size_t Vocabulary::find(std::string_view name) const {
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.name == name; });
  if (found == kinds.end()) {
    std::vector<std::string> names;
    for (const Kind& kind : kinds) names.push_back(kind.name);
    fail(ErrorCategory::InvalidArgument, "'{}' is not a kind of thing that scenes are made of.{}", name,
         did_you_mean(name, names));
  }
  return static_cast<size_t>(found - kinds.begin());
}

const Group& Vocabulary::group(std::string_view name) const {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& group) { return group.name == name; });
  if (found == groups.end()) fail(ErrorCategory::InvalidArgument, "'{}' is not a group of kinds", name);
  return *found;
}

const Vocabulary& vocabulary() {
  static const Vocabulary instance = read_vocabulary();
  return instance;
}

std::string with_article(std::string_view noun) {
  const bool sounds_like_vowel =
      !noun.empty() && std::string_view("aeiou").find(noun.front()) != std::string_view::npos;
  return (sounds_like_vowel ? "an " : "a ") + std::string(noun);
}

}  // namespace molmo::synth
