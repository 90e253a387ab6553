// The built-in judge of captions: words in common, no model. It does not see a "no", a left that should be a right, or
// two words for one thing.
#include <algorithm>
#include <array>
#include <set>

#include "eval/caption_judge.h"
#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/number_words.h"

namespace molmo::eval {
namespace {

using Words = std::set<std::string>;

constexpr size_t kLeastWords = 2;  // of a part of a sentence that is a statement of its own
constexpr double kLeastShare = 2.0 / 3;

constexpr std::array<std::string_view, 80> kEmptyWords = {
    "a",     "about", "all",   "also",    "an",    "and",     "are",    "as",    "at",      "be",    "been",  "both",
    "but",   "by",    "can",   "could",   "each",  "for",     "from",   "has",   "have",    "he",    "her",   "here",
    "his",   "i",     "image", "in",      "into",  "is",      "it",     "its",   "just",    "like",  "looks", "may",
    "might", "my",    "of",    "on",      "or",    "other",   "our",    "photo", "picture", "she",   "shown", "shows",
    "so",    "some",  "that",  "the",     "their", "them",    "then",   "there", "these",   "they",  "this",  "those",
    "to",    "um",    "very",  "was",     "we",    "were",    "what",   "where", "which",   "while", "who",   "will",
    "with",  "you",   "your",  "appears", "seems", "visible", "really", "uh"};

bool belongs_to_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || static_cast<unsigned char>(c) >= 0x80;
}

// Without the endings of plurals and verbs, so that "dogs" is "dog" and "standing" is "stand".
std::string stem(std::string word) {
  const auto cut = [&](std::string_view ending, size_t least, std::string_view instead = "") {
    if (word.size() < ending.size() + least || !word.ends_with(ending)) return false;
    word.replace(word.size() - ending.size(), ending.size(), instead);
    return true;
  };
  cut("'s", 2);
  cut("ies", 2, "y") || cut("sses", 2, "ss") || cut("ing", 3) || cut("ed", 3) || cut("es", 3) ||
      (!word.ends_with("ss") && cut("s", 3));
  cut("e", 3);
  return word;
}

Words content_words(std::string_view text) {
  const std::string lower = text::to_lower(text);
  Words words;
  for (size_t at = 0; at < lower.size();) {
    const size_t end =
        std::find_if_not(lower.begin() + static_cast<ptrdiff_t>(at), lower.end(), belongs_to_word) - lower.begin();
    const std::string word = lower.substr(at, end - at);
    at = std::max(end, at + 1);
    if (word.empty() || std::find(kEmptyWords.begin(), kEmptyWords.end(), word) != kEmptyWords.end()) continue;
    const auto number = text::number_of_word(word);
    words.insert(number ? std::to_string(*number) : stem(word));
  }
  return words;
}

// At signs of `ends` that a space or the end follows, so that 3.5 stays whole.
std::vector<std::string_view> split_behind(std::string_view text, std::string_view ends) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_last = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n';
    if (text[i] != '\n' && (ends.find(text[i]) == std::string_view::npos || !is_last)) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<std::string_view> sentences(std::string_view text) {
  return split_behind(text, ".!?;");
}

std::vector<std::string> statements(std::string_view text) {
  std::vector<std::string> all;
  for (const std::string_view sentence : sentences(text)) {
    std::string whole;  // parts that are too short stay with the one before
    for (const std::string_view part : split_behind(sentence, ",:")) {
      const bool stands_alone = content_words(part).size() >= kLeastWords && content_words(whole).size() >= kLeastWords;
      if (stands_alone) all.push_back(std::exchange(whole, {}));
      whole += (whole.empty() ? "" : ", ") + join_words(part);
    }
    if (!content_words(whole).empty()) all.push_back(whole);
  }
  return all;
}

// Of every two sentences that follow each other.
std::vector<Words> windows(const std::vector<std::string>& texts) {
  std::vector<Words> all;
  for (const std::string& text : texts) {
    Words last;
    for (const std::string_view sentence : sentences(text)) {
      const Words words = content_words(sentence);
      Words both = last;
      both.insert(words.begin(), words.end());
      all.push_back(std::move(both));
      last = words;
    }
  }
  return all;
}

bool is_borne_out(const Words& words, const std::vector<Words>& sides) {
  return std::any_of(sides.begin(), sides.end(), [&](const Words& side) {
    const auto common =
        std::count_if(words.begin(), words.end(), [&](const auto& word) { return side.contains(word); });
    return static_cast<double>(common) >= kLeastShare * static_cast<double>(words.size());
  });
}

class LexicalJudge final : public CaptionJudge {
 public:
  std::string name() const override { return "built-in judge by words"; }
  int num_threads() const override { return 1; }

  Judgement judge(const std::string& caption, const std::vector<std::string>& references) const override {
    Judgement judgement;
    const std::vector<Words> said = windows({caption}), meant = windows(references);
    for (std::string& text : statements(caption)) {
      const bool is_true = is_borne_out(content_words(text), meant);
      judgement.caption.push_back({std::move(text), is_true});
    }
    std::vector<Words> known;
    for (const std::string& reference : references) {
      for (std::string& text : statements(reference)) {
        const Words words = content_words(text);
        const bool is_repeated = std::any_of(known.begin(), known.end(), [&](const Words& other) {
          return std::includes(other.begin(), other.end(), words.begin(), words.end());
        });
        if (is_repeated) continue;
        judgement.reference.push_back({std::move(text), is_borne_out(words, said)});
        known.push_back(words);
      }
    }
    return judgement;
  }
};

}  // namespace

std::shared_ptr<const CaptionJudge> lexical_judge() {
  return std::make_shared<const LexicalJudge>();
}

}  // namespace molmo::eval
