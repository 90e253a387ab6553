#include "eval/answers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"
#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

std::optional<double> number_of(std::string_view text) {
  if (!text.ends_with('%')) return parse_float(text);
  while (text.ends_with('%')) text.remove_suffix(1);
  const auto percent = parse_float(text);
  return percent ? std::optional(*percent / 100) : std::nullopt;
}

// The first of the most frequent lines, white space collapsed.
std::string most_frequent_line(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string_view line : split_at(text, "\n")) lines.push_back(join_words(line));
  std::map<std::string_view, size_t> counts;
  for (const std::string& line : lines) ++counts[line];
  return *std::max_element(lines.begin(), lines.end(),
                           [&](const std::string& a, const std::string& b) { return counts.at(a) < counts.at(b); });
}

}  // namespace

std::string clean_prediction(std::string_view raw) {
  const std::string_view text = strip(raw);
  constexpr std::string_view kAnswer = "Answer:";
  if (text.find(kAnswer) != std::string_view::npos) return std::string(strip(split_at(text, kAnswer)[1]));
  if (text.find('\n') == std::string_view::npos) return join_words(text);
  return most_frequent_line(text);
}

std::string submission_text(std::string_view raw) {
  const std::string_view text = strip(raw);
  return text.find('\n') == std::string_view::npos ? std::string(text) : most_frequent_line(text);
}

bool relaxed_match(std::string_view target, std::string_view prediction) {
  const auto wanted = number_of(target), found = number_of(prediction);
  if (wanted && found && *wanted != 0) return std::abs(*found - *wanted) / std::abs(*wanted) <= 0.05;
  return exact_match(target, prediction);
}

bool exact_match(std::string_view target, std::string_view prediction) {
  return text::to_lower(target) == text::to_lower(prediction);
}

int64_t levenshtein(std::string_view a, std::string_view b) {
  return static_cast<int64_t>(edit_distance(text::code_points(a), text::code_points(b)));
}

double anls(std::string_view target, std::string_view prediction) {
  const size_t longer = std::max(text::count_utf8(target), text::count_utf8(prediction));
  if (longer == 0) return 1;
  const auto distance = static_cast<double>(levenshtein(text::to_lower(target), text::to_lower(prediction)));
  const double share = distance / static_cast<double>(longer);
  return share < 0.5 ? 1 - share : 0;
}

size_t select_option(std::span<const std::string> options, std::string_view prediction) {
  check_internal(!options.empty(), "options to choose from");
  const auto plain = [](std::string_view text) {
    const std::string lower = text::to_lower(text);
    return std::string(strip(lower));
  };
  const std::string wanted = plain(prediction);
  std::vector<std::string> names;
  for (const std::string& option : options) names.push_back(plain(option));
  const auto equal = std::find(names.begin(), names.end(), wanted);
  if (equal != names.end()) return static_cast<size_t>(equal - names.begin());
  const auto contains = [&](const std::string& name) { return name.find(wanted) != std::string::npos; };
  if (std::count_if(names.begin(), names.end(), contains) == 1)
    return static_cast<size_t>(std::find_if(names.begin(), names.end(), contains) - names.begin());
  std::vector<int64_t> distances;
  for (const std::string& name : names) distances.push_back(levenshtein(name, wanted));
  return static_cast<size_t>(std::min_element(distances.begin(), distances.end()) - distances.begin());
}

}  // namespace molmo::eval
