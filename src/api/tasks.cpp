#include "api/tasks.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "text/number_words.h"

namespace molmo::api {
namespace {

std::optional<int64_t> parse_number(std::string_view word) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc() && rest == word.data() + word.size()) return value;
  return text::number_of_word(word);
}

bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

// Letters and digits of the text outside of tags, in lower case.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool is_in_tag = false, continues = false;
  for (const char c : text) {
    if (c == '<') is_in_tag = true;
    const bool is_part = !is_in_tag && is_word_char(c);
    if (is_part && !continues) words.emplace_back();
    if (is_part) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    continues = is_part;
    if (c == '>') is_in_tag = false;
  }
  return words;
}

}  // namespace

generate::Request point_request(const std::string& what, const image::Image& image) {
  return {.prompt = "Point to " + what + ".", .images = {image}};
}

generate::Request count_request(const std::string& what, const image::Image& image) {
  // Of the phrases that models learn to answer with a point for each (point_count of the reference), one that people do
  // not use for a number alone: to "How many ...?" they learn short answers too, which are worse.
  return {.prompt = "Count the " + what + ".", .images = {image}};
}

bool follows_length(const config::PromptConfig& prompt) {
  return prompt.system_prompt == config::SystemPrompt::StyleAndLength;
}

generate::Request caption_request(const config::PromptConfig& prompt, const image::Image& image,
                                  std::optional<int64_t> length) {
  // A captioner was trained on the bare style; other models answer this like any question.
  if (!follows_length(prompt)) return {.prompt = "Describe this image.", .images = {image}};
  return {.prompt = "", .images = {image}, .length_hint = length};
}

std::optional<int64_t> parse_count(const generate::Answer& answer) {
  const std::vector<std::string> words = words_of(answer.text);
  for (size_t i = 2; i + 1 <= words.size(); ++i) {
    if (words[i - 2] == "total" && words[i - 1] == "of") {
      if (const auto number = parse_number(words[i])) return number;
    }
  }
  if (!answer.points.empty()) return static_cast<int64_t>(answer.points.size());
  for (const std::string& word : words) {
    if (const auto number = parse_number(word)) return number;
    if (word == "none" || word == "no") return 0;
  }
  return std::nullopt;
}

}  // namespace molmo::api
