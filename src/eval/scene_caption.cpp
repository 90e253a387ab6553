#include "eval/scene_caption.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "eval/python_text.h"
#include "synth/caption.h"
#include "synth/color.h"
#include "synth/vocabulary.h"
#include "text/lower_case.h"

namespace molmo::eval {
namespace {

constexpr std::array<std::string_view, 4> kPatterns = {"outlined", "striped", "dotted", "checkered"};

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

// Words in lower case; a comma or another sign is a word of its own, so that phrases do not reach over it.
std::vector<std::string> words_of(std::string_view text) {
  const std::string lower = text::to_lower(text);
  std::vector<std::string> words;
  bool continues = false;
  for (const char c : lower) {
    if (is_word_byte(c)) {
      if (!continues) words.emplace_back();
      words.back() += c;
      continues = true;
    } else {
      if (c != ' ' && c != '\n') words.emplace_back(1, c);
      continues = false;
    }
  }
  return words;
}

using Phrase = std::vector<std::string>;

// Names and plurals of all kinds.
const std::map<Phrase, std::string>& kind_phrases() {
  static const std::map<Phrase, std::string> phrases = [] {
    std::map<Phrase, std::string> all;
    for (const synth::Kind& kind : synth::vocabulary().kinds) {
      all.emplace(words_of(kind.name), kind.name);
      all.emplace(words_of(kind.plural), kind.name);
    }
    return all;
  }();
  return phrases;
}

struct Mention {
  std::string kind;
  size_t num_words = 0;
};

Mention longest_kind_at(const std::vector<std::string>& words, size_t at) {
  constexpr size_t kLongest = 3;  // "bunch of grapes"
  for (size_t count = std::min(kLongest, words.size() - at); count > 0; --count) {
    const Phrase phrase(words.begin() + static_cast<ptrdiff_t>(at), words.begin() + static_cast<ptrdiff_t>(at + count));
    const auto found = kind_phrases().find(phrase);
    if (found != kind_phrases().end()) return {found->second, count};
  }
  return {};
}

template <class Words>
bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "orange" in "an orange carrot", "an orange striped circle".
bool is_color_before_kind(const std::vector<std::string>& words, size_t at) {
  if (!contains(synth::color_names(), words[at])) return false;
  size_t next = at + 1;
  while (next < words.size() && contains(kPatterns, words[next])) ++next;
  return next < words.size() && longest_kind_at(words, next).num_words > 0;
}

void add_statements(std::string_view sentence, SceneStatements& said) {
  const std::vector<std::string> words = words_of(sentence);
  for (size_t at = 0; at < words.size();) {
    const Mention mention = is_color_before_kind(words, at) ? Mention{} : longest_kind_at(words, at);
    if (mention.num_words == 0) {
      ++at;
      continue;
    }
    said.kinds.insert(mention.kind);
    size_t before = at;
    while (before > 0 && contains(kPatterns, words[before - 1])) --before;
    if (before > 0 && contains(synth::color_names(), words[before - 1]))
      said.colors.insert({mention.kind, words[before - 1]});
    at += mention.num_words;
  }
}

template <class Set>
size_t num_common(const Set& a, const Set& b) {
  return static_cast<size_t>(std::count_if(a.begin(), a.end(), [&](const auto& item) { return b.contains(item); }));
}

std::optional<double> share(size_t part, size_t whole) {
  return whole == 0 ? std::nullopt : std::optional(static_cast<double>(part) / static_cast<double>(whole));
}

}  // namespace

SceneStatements said_in(std::string_view caption) {
  SceneStatements said;
  for (const std::string_view sentence : split_at(caption, ".")) {
    if (!synth::is_about_background(strip(sentence))) add_statements(sentence, said);
  }
  return said;
}

SceneStatements true_of(const Json& truth) {
  SceneStatements statements;
  for (const Json& object : truth.at("objects")) {
    const auto name = object.at("name").get<std::string>(), color = object.at("color").get<std::string>();
    statements.kinds.insert(name);
    if (!color.empty() && color != name) statements.colors.insert({name, color});
  }
  return statements;
}

CaptionScore score_caption(std::string_view caption, const Json& truth) {
  const SceneStatements real = true_of(truth);
  SceneStatements said = said_in(caption);
  // What has no colour by its truth: nobody can say whether the one that is named is right.
  for (const std::string& kind : real.kinds) {
    const bool has_color =
        std::any_of(real.colors.begin(), real.colors.end(), [&](const auto& color) { return color.first == kind; });
    if (!has_color) std::erase_if(said.colors, [&](const auto& color) { return color.first == kind; });
  }
  const size_t kinds = num_common(real.kinds, said.kinds), colors = num_common(real.colors, said.colors);
  return {.recall = share(kinds + colors, real.kinds.size() + real.colors.size()),
          .precision = share(kinds + colors, said.kinds.size() + said.colors.size()),
          .kind_recall = share(kinds, real.kinds.size()),
          .kind_precision = share(kinds, said.kinds.size()),
          .color_recall = share(colors, real.colors.size()),
          .color_precision = share(colors, said.colors.size())};
}

}  // namespace molmo::eval
