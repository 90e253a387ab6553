#include "eval/math_vista.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/answers.h"
#include "eval/python_text.h"

namespace molmo::eval {
namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::optional<std::string> integer_text(std::string_view text) {
  const auto value = parse_int(text);
  return value ? std::optional(std::to_string(*value)) : std::nullopt;
}

std::optional<std::string> float_text(std::string_view text) {
  const auto value = parse_float(text);
  return value ? std::optional(float_repr(*value)) : std::nullopt;
}

// The letter in front of the first colon that has one, in upper case; else the text.
std::string choice_letter(std::string_view text) {
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    if (colon > 0 && is_letter(text[colon - 1])) return {static_cast<char>(text[colon - 1] & ~0x20)};
  }
  return std::string(text);
}

std::string nearest_choice(std::string_view extraction, const std::vector<std::string>& choices) {
  const std::string text = choice_letter(strip(extraction));
  if (text.size() == 1 && text[0] >= 'A' && text[0] < static_cast<char>('A' + std::min<size_t>(choices.size(), 26)))
    return choices[static_cast<size_t>(text[0] - 'A')];
  return *std::min_element(choices.begin(), choices.end(), [&](const std::string& a, const std::string& b) {
    return levenshtein(text, a) < levenshtein(text, b);
  });
}

}  // namespace

std::optional<std::string> extract_shortcut(std::string_view response, const MathVistaQuestion& question) {
  if (response.empty()) return "";
  const auto& choices = question.choices;
  if (question.question_type == "multi_choice") {
    return std::find(choices.begin(), choices.end(), response) != choices.end() ? std::optional(std::string(response))
                                                                                : std::nullopt;
  }
  if (question.answer_type == "integer") return integer_text(response);
  if (question.answer_type == "float") return float_text(response);
  return std::nullopt;
}

std::optional<std::string> normalize_extraction(std::string_view extraction, const MathVistaQuestion& question,
                                                config::Quirks quirks) {
  if (question.question_type == "multi_choice") {
    return question.choices.empty() ? std::nullopt : std::optional(nearest_choice(extraction, question.choices));
  }
  if (question.answer_type == "integer") {
    const auto value = parse_float(extraction);
    if (!value || !std::isfinite(*value)) return std::nullopt;
    const double whole = std::trunc(*value);
    return whole == 0 ? "0" : fmt::format("{:.0f}", whole);
  }
  if (question.answer_type == "float") {
    const auto value = parse_float(extraction);
    if (!value || (question.is_precision_float && quirks == config::Quirks::Reference)) return std::nullopt;
    // Without a precision Python rounds to a whole number, which it writes without a point.
    if (!question.precision)
      return std::isfinite(*value) ? std::optional(fmt::format("{:.0f}", round_decimals(*value, 0))) : std::nullopt;
    return float_repr(round_decimals(*value, static_cast<int>(std::clamp<int64_t>(*question.precision, 0, 300))));
  }
  return std::string(extraction);
}

bool math_vista_match(std::string_view response, const MathVistaQuestion& question, std::string_view answer,
                      config::Quirks quirks) {
  std::string extraction(response);
  if (question.question_type == "multi_choice") {
    std::vector<std::string> letters;
    for (size_t i = 0; i < std::min<size_t>(question.choices.size(), 26); ++i)
      letters.emplace_back(1, static_cast<char>('A' + i));
    if (letters.empty()) return false;
    extraction = question.choices[select_option(letters, response)];
  } else if (question.answer_type == "integer") {
    extraction = integer_text(response).value_or(extraction);
  } else if (question.answer_type == "float") {
    extraction = float_text(response).value_or(extraction);
  }
  return normalize_extraction(extraction, question, quirks) == answer;
}

}  // namespace molmo::eval
