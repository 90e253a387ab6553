#include "eval/mmmu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

using Points = std::u32string;

bool is_word(char32_t c) {
  return c == '_' || (text::unicode_classes(c) & (text::kLetter | text::kNumber));
}

// Finds the spellings of numbers in a text. Positions count code points.
class NumberFinder {
 public:
  explicit NumberFinder(std::string_view text) : text_(text::code_points(text)) {}

  std::vector<std::string> find_all() const {
    std::vector<std::string> numbers;
    const auto find = [&](size_t (NumberFinder::*match)(size_t) const) {
      for (size_t at = 0; at < text_.size();) {
        const size_t begin = at + (text_[at] == '-');
        const size_t end = (this->*match)(begin);
        if (end > begin) {
          numbers.push_back(spelling(at, end));
          at = end;
        } else {
          // What fails at the first digit of a run fails at the others, too.
          at = std::max(skip_digits(begin), at + 1);
        }
      }
    };
    find(&NumberFinder::with_commas);
    find(&NumberFinder::scientific);
    find(&NumberFinder::simple);
    return numbers;
  }

 private:
  bool is_digit_at(size_t at) const { return at < text_.size() && digit_value(text_[at]); }
  bool is_at(size_t at, char32_t c) const { return at < text_.size() && text_[at] == c; }
  bool is_word_at(size_t at) const { return at < text_.size() && is_word(text_[at]); }
  size_t skip_digits(size_t at) const {
    while (is_digit_at(at)) ++at;
    return at;
  }
  // Behind \d+(\.\d+)?, or `at`.
  size_t skip_fraction(size_t at) const { return is_at(at, '.') && is_digit_at(at + 1) ? skip_digits(at + 1) : at; }
  // Behind [eE][+-]?\d+, or `at`.
  size_t skip_exponent(size_t at) const {
    if (!is_at(at, 'e') && !is_at(at, 'E')) return at;
    const size_t digits = at + 1 + (is_at(at + 1, '+') || is_at(at + 1, '-'));
    return is_digit_at(digits) ? skip_digits(digits) : at;
  }

  // \b\d{1,3}(,\d{3})+\b: the end, or `at` where there is none.
  size_t with_commas(size_t at) const {
    const size_t first = skip_digits(at);
    if (first == at || first - at > 3 || (at > 0 && is_word(text_[at - 1]))) return at;
    size_t end = at;
    for (size_t group = first; is_at(group, ',');) {
      const size_t next = group + 4;
      if (!is_digit_at(group + 1) || !is_digit_at(group + 2) || !is_digit_at(group + 3)) break;
      if (!is_word_at(next)) end = next;
      group = next;
    }
    return end;
  }

  // \d+(\.\d+)?[eE][+-]?\d+
  size_t scientific(size_t at) const {
    const size_t whole = skip_digits(at);
    if (whole == at) return at;
    const size_t fraction = skip_fraction(whole);
    const size_t end = skip_exponent(fraction);
    return end > fraction ? end : at;
  }

  // (\d+\.\d+|\.\d+|\d+\b) with neither an exponent nor a comma behind it
  size_t simple(size_t at) const {
    const auto is_alone = [&](size_t end) {
      return skip_exponent(end) == end && !is_at(end, ',') && !is_digit_at(end);
    };
    const size_t whole = skip_digits(at), fraction = skip_fraction(whole);
    if (fraction > whole && is_alone(fraction)) return fraction;  // 1.5 and .5
    if (whole > at && !is_word_at(whole) && is_alone(whole)) return whole;
    return at;
  }

  std::string spelling(size_t begin, size_t end) const {
    std::string out;
    for (size_t i = begin; i < end; ++i) {
      const auto digit = digit_value(text_[i]);
      out += digit ? static_cast<char>('0' + *digit) : static_cast<char>(text_[i]);
    }
    return out;
  }

  Points text_;
};

std::string without_commas(std::string_view text) {
  std::string out(text);
  std::erase(out, ',');
  return out;
}

// A number, or the forms of a text.
void add_normalized(std::string_view text, OpenAnswer& answer) {
  text = strip(text);
  if (const auto number = parse_float(without_commas(text))) {
    answer.numbers.insert(round_decimals(*number, 2));
    return;
  }
  const std::string lower = text::to_lower(text);
  if (text::count_utf8(lower) != 1) {
    answer.texts.insert(lower);
    return;
  }
  answer.texts.insert(" " + lower);  // one letter would be part of nearly everything
  answer.texts.insert(lower + " ");
}

// The tails behind the words that announce an answer.
std::vector<std::string> key_tails(std::string_view answer) {
  static constexpr std::array<std::string_view, 9> kIndicators = {
      "could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "="};
  std::string_view stripped = strip(answer);
  while (stripped.starts_with('.')) stripped.remove_prefix(1);
  while (stripped.ends_with('.')) stripped.remove_suffix(1);
  const std::string lower = text::to_lower(stripped);
  std::vector<std::string> tails;
  const auto lines = split_at(lower, "\n");
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view shortest;
    for (const std::string_view indicator : kIndicators) {
      if (indicator == "=" && i + 1 < lines.size()) continue;  // equations count in the last line
      const size_t found = lines[i].rfind(indicator);
      if (found == std::string_view::npos) continue;
      const std::string_view tail = strip(lines[i].substr(found + indicator.size()));
      if (shortest.empty() || text::count_utf8(tail) < text::count_utf8(shortest)) shortest = tail;
    }
    const bool is_trivial =
        shortest.size() == 1 && std::string_view(":,.!?;'").find(shortest[0]) != std::string_view::npos;
    if (!shortest.empty() && !is_trivial) tails.emplace_back(shortest);
  }
  if (tails.empty()) tails.push_back(lower);
  return tails;
}

}  // namespace

std::optional<char> parse_choice(std::string_view answer, std::span<const std::string> options) {
  for (const char sign : {',', '.', '!', '?', ';', ':', '\''}) {
    while (answer.starts_with(sign)) answer.remove_prefix(1);
    while (answer.ends_with(sign)) answer.remove_suffix(1);
  }
  const std::string padded = fmt::format(" {} ", answer);
  const size_t num_letters = std::min<size_t>(options.size(), 26);
  // The option whose last occurrence comes last.
  const auto find_last = [&](std::string_view text, const auto& spelling) {
    std::optional<char> chosen;
    size_t last = 0;
    for (size_t i = 0; i < num_letters; ++i) {
      const size_t found = text.rfind(spelling(i));
      if (found == std::string_view::npos || (chosen && found <= last)) continue;
      chosen = static_cast<char>('A' + i);
      last = found;
    }
    return chosen;
  };
  const auto letter = [](size_t i) { return static_cast<char>('A' + i); };
  if (const auto chosen = find_last(padded, [&](size_t i) { return fmt::format("({})", letter(i)); })) return chosen;
  if (const auto chosen = find_last(padded, [&](size_t i) { return fmt::format(" {} ", letter(i)); })) return chosen;
  if (split_words(padded).size() <= 5) return std::nullopt;
  return find_last(text::to_lower(padded), [&](size_t i) { return text::to_lower(options[i]); });
}

OpenAnswer parse_open_answer(std::string_view answer) {
  OpenAnswer parsed;
  for (const std::string& tail : key_tails(answer)) {
    add_normalized(tail, parsed);
    for (const std::string& number : NumberFinder(tail).find_all()) add_normalized(number, parsed);
  }
  return parsed;
}

bool open_match(std::span<const std::string> gold, const OpenAnswer& answer) {
  OpenAnswer wanted;
  for (const std::string& text : gold) add_normalized(text, wanted);
  for (const double number : answer.numbers) {
    if (wanted.numbers.contains(number)) return true;
  }
  return std::any_of(answer.texts.begin(), answer.texts.end(), [&](const std::string& text) {
    return std::any_of(wanted.texts.begin(), wanted.texts.end(),
                       [&](const std::string& part) { return text.find(part) != std::string::npos; });
  });
}

bool mmmu_match(std::string_view question_type, std::span<const std::string> options, std::span<const std::string> gold,
                std::string_view answer) {
  if (question_type != "multiple-choice") return open_match(gold, parse_open_answer(answer));
  std::vector<std::string> shown;
  std::copy_if(options.begin(), options.end(), std::back_inserter(shown),
               [](const auto& option) { return !option.empty(); });
  const char chosen = parse_choice(answer, shown).value_or('A');
  return std::find(gold.begin(), gold.end(), std::string(1, chosen)) != gold.end();
}

}  // namespace molmo::eval
