#include "eval/android_steps.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/geometry.h"
#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

// Numbers of digits with or without a fraction, in order.
std::vector<double> find_numbers(std::string_view text, bool needs_fraction) {
  const std::u32string points = text::code_points(text);
  const auto is_digit_at = [&](size_t at) { return at < points.size() && digit_value(points[at]); };
  std::vector<double> numbers;
  for (size_t at = 0; at < points.size();) {
    std::string digits;
    const auto take_digits = [&] {
      for (; is_digit_at(at); ++at) digits += static_cast<char>('0' + *digit_value(points[at]));
    };
    take_digits();
    if (digits.empty()) {
      ++at;
      continue;
    }
    const bool has_fraction = at < points.size() && points[at] == '.' && is_digit_at(at + 1);
    if (has_fraction) {
      digits += '.';
      ++at;
      take_digits();
    }
    if (has_fraction || !needs_fraction) numbers.push_back(*parse_float(digits));
  }
  return numbers;
}

struct Action {
  std::string type;               // "" for anything else
  std::optional<PointPct> place;  // of clicks and long presses that name one
  std::string argument;           // text, direction or app
  bool operator==(const Action&) const = default;
};

Action parse_action(std::string_view text) {
  const std::string lower = text::to_lower(strip(text));
  const auto rest = [&](size_t count) { return lower.size() > count ? lower.substr(count) : ""; };
  const auto placed = [&](const char* type) {
    const std::vector<double> numbers = find_numbers(lower, false);
    return Action{type, numbers.size() >= 2 ? std::optional(PointPct{numbers[0], numbers[1]}) : std::nullopt, ""};
  };
  if (lower.starts_with("click")) return placed("click");
  if (lower.starts_with("long press")) return placed("long press");
  if (lower.starts_with("type")) return {"type", {}, rest(5)};
  if (lower.starts_with("scroll")) {
    const auto words = split_words(lower);
    return {"scroll", {}, words.size() >= 2 ? std::string(words[1]) : ""};
  }
  if (lower.starts_with("open app")) return {"open app", {}, rest(9)};
  if (lower == "wait" || lower == "navigate home" || lower == "navigate back") return {lower, {}, ""};
  return {};
}

bool is_inside(const std::optional<PointPct>& place, std::string_view box) {
  const std::vector<double> sides = find_numbers(box, true);
  if (!place || sides.size() != 4) return false;
  return sides[0] <= place->x && place->x <= sides[2] && sides[1] <= place->y && place->y <= sides[3];
}

}  // namespace

bool android_step_match(std::string_view target_action, std::string_view prediction, std::string_view target_box) {
  constexpr std::string_view kAction = "Action:";
  if (prediction.find(kAction) != std::string_view::npos) prediction = split_at(prediction, kAction)[1];
  const Action wanted = parse_action(target_action), found = parse_action(prediction);
  if (wanted.type == "open app" && found.type == "click") return is_inside(found.place, target_box);
  if (wanted.type != found.type) return false;
  if (wanted.type == "click" || wanted.type == "long press") return wanted.place && is_inside(found.place, target_box);
  return wanted == found;
}

double box_iou(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  const auto area = [](double left, double top, double right, double bottom) {
    return right <= left || bottom <= top ? 0 : (right - left) * (bottom - top);
  };
  const double common = area(std::max(a[0], b[0]), std::max(a[1], b[1]), std::min(a[2], b[2]), std::min(a[3], b[3]));
  const double total = area(a[0], a[1], a[2], a[3]) + area(b[0], b[1], b[2], b[3]) - common;
  return common / (total + 1e-6);
}

}  // namespace molmo::eval
