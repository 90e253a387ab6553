#include "eval/readings.h"

#include <algorithm>
#include <cstdlib>

#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/number_words.h"

namespace molmo::eval {
namespace {

constexpr int64_t kMostTime = 1'000'000;  // keeps differences within range

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word_char(char c) {
  return is_ascii_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::optional<int64_t> last_total(std::string_view line) {
  constexpr std::string_view kTotal = "a total of ";
  for (size_t at = line.rfind(kTotal); at != std::string_view::npos; at = at == 0 ? at : line.rfind(kTotal, at - 1)) {
    const std::string_view rest = line.substr(at + kTotal.size());
    const size_t num_digits = std::find_if_not(rest.begin(), rest.end(), is_ascii_digit) - rest.begin();
    if (num_digits > 0) return parse_int(rest.substr(0, num_digits));
    if (at == 0) break;
  }
  return std::nullopt;
}

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_word_char(text[at - 1])) && (end == text.size() || !is_word_char(text[end]))) return true;
  }
  return false;
}

}  // namespace

std::optional<int64_t> parse_count(std::string_view answer, config::Quirks quirks) {
  const std::string lower = text::to_lower(strip(answer));
  std::string_view text = lower;
  while (text.ends_with('.')) text.remove_suffix(1);
  text = strip(text);
  const auto words = split_words(text);
  if (words.empty()) return std::nullopt;
  if (const auto number = parse_int(words.back())) return number;
  if (const auto named = text::number_of_word(words.back())) return named;
  const std::string_view first_line = text.substr(0, text.find('\n'));
  if (const auto total = last_total(first_line)) return total;
  if (quirks == config::Quirks::Fixed && has_word(first_line, "none")) return 0;
  return std::nullopt;
}

std::optional<ClockReading> read_time(std::string_view text) {
  // Digits of a two-digit number below `limit` that begin at `at`, and no third one.
  const auto two_digits = [&](size_t at, int limit) -> std::optional<int> {
    if (at + 2 > text.size() || !is_ascii_digit(text[at]) || !is_ascii_digit(text[at + 1])) return std::nullopt;
    if (at + 2 < text.size() && is_ascii_digit(text[at + 2])) return std::nullopt;
    const int value = 10 * (text[at] - '0') + (text[at + 1] - '0');
    return value < limit ? std::optional(value) : std::nullopt;
  };
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    size_t begin = colon;
    while (begin > 0 && is_ascii_digit(text[begin - 1])) --begin;
    const size_t num_digits = colon - begin;
    if (num_digits == 0 || num_digits > 2) continue;
    const int hour = std::atoi(std::string(text.substr(begin, num_digits)).c_str());
    const auto minute = two_digits(colon + 1, 60);
    if (hour > 23 || !minute) continue;
    ClockReading reading{hour, *minute, std::nullopt};
    if (colon + 3 < text.size() && text[colon + 3] == ':') reading.second = two_digits(colon + 4, 60);
    return reading;
  }
  return std::nullopt;
}

int dial_distance_minutes(int hour, int minute, int other_hour, int other_minute) {
  const int apart = std::abs((hour % 12 - other_hour % 12) * 60 + minute - other_minute);
  return std::min(apart, 720 - apart);
}

std::vector<std::pair<std::string_view, bool>> score_clock(std::string_view answer, ClockTruth truth, ClockMode mode) {
  const bool is_bench = mode == ClockMode::Bench;
  if (is_bench && truth.hour == 12) truth.hour = 0;
  if (is_bench && truth.minute == 60) truth.minute = 0;
  if (truth.hour < 0 && truth.minute < 0 && truth.second < 0) {
    const bool declines = answer.find(':') == std::string_view::npos;
    return {{"correctly_declines_to_answer", declines}, {"overall_close", declines}, {"overall_exact", declines}};
  }
  const int64_t tolerance = is_bench ? 1 : 3;
  const auto parts = split_at(strip(answer), ":");
  // The word next to the colon.
  const auto number = [&](size_t part, bool is_last) -> std::optional<int64_t> {
    const auto words = part < parts.size() ? split_words(parts[part]) : std::vector<std::string_view>();
    if (words.empty()) return std::nullopt;
    const auto value = parse_int(is_last ? words.back() : words.front());
    return value ? std::optional(std::clamp<int64_t>(*value, -kMostTime, kMostTime)) : std::nullopt;
  };
  std::optional<int64_t> hour = number(0, true), minute = number(1, false);
  if (hour && !is_bench && answer.find("PM") != std::string_view::npos) *hour += 12;
  if (hour && is_bench && *hour >= 12) *hour -= 12;
  if (minute && is_bench && *minute == 60) minute = 0;
  const bool is_hour = hour && (*hour == truth.hour || (truth.hour == 0 && *hour == 12));
  const int64_t minutes_apart = minute ? std::abs(*minute - truth.minute) : kMostTime;
  const bool is_minute = minute == truth.minute;
  const bool is_minute_close = minutes_apart <= tolerance || (is_bench && minutes_apart == 59);
  std::vector<std::pair<std::string_view, bool>> scores = {
      {"hour_correct", is_hour}, {"minute_correct", is_minute}, {"minute_close", is_minute_close}};
  bool is_correct = is_hour && is_minute, is_close = is_hour && is_minute_close;
  if (truth.second != -1) {
    const std::optional<int64_t> second = number(2, false);
    const bool is_second = second == truth.second;
    const bool is_second_close = second && std::abs(*second - truth.second) <= tolerance;
    scores.insert(scores.end(), {{"second_correct", is_second}, {"second_close", is_second_close}});
    is_correct = is_correct && is_second;
    is_close = is_close && is_second_close;
  } else if (is_bench && hour && minute) {
    // 11:59 and 0:00 are a minute apart.
    is_close = is_close || std::abs(60 * (truth.hour - *hour) + truth.minute - *minute) == 719;
  }
  scores.insert(scores.end(), {{"all_correct", is_correct},
                               {"all_close", is_close},
                               {"overall_close", is_close},
                               {"overall_exact", is_correct}});
  return scores;
}

}  // namespace molmo::eval
