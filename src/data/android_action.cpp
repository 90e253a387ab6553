#include "data/android_action.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "data/row.h"
#include "text/lower_case.h"

namespace molmo::data {
namespace {

constexpr std::string_view kClick = "Click", kLongPress = "Long Press", kOpenApp = "Open App ";
constexpr int64_t kClickMargin = 10;  // px on each side
constexpr int64_t kMaxCoordinate = 1'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Steps over a number without a sign; nothing where there is none, or one that no screen has.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > kMaxCoordinate) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool take_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

void skip_spaces(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\r\f\v"), text.size()));
}

// The name and place of an action that begins like "Click(540, 1200)".
struct Press {
  std::string_view name;
  int64_t x = 0, y = 0;
};

std::optional<Press> parse_press(std::string_view action) {
  for (const std::string_view name : {kClick, kLongPress}) {
    std::string_view rest = action;
    if (!take_text(rest, name) || !take_text(rest, "(")) continue;
    const auto x = take_number(rest);
    if (!x || !take_text(rest, ", ")) return std::nullopt;
    const auto y = take_number(rest);
    if (!y || !take_text(rest, ")")) return std::nullopt;
    return Press{name, *x, *y};
  }
  return std::nullopt;
}

// Correctly rounded decimals, ties to even, as the reference's language rounds.
std::string percent(int64_t value, int64_t whole) {
  return fmt::format("{:.1f}", static_cast<double>(value) / static_cast<double>(whole) * 100);
}

}  // namespace

std::string action_text(const Json& action, std::string_view source) {
  const Row row(action, std::string(source));
  const std::string type = row.text("action_type");
  const auto press = [&](std::string_view name) {
    return fmt::format("{}({}, {})", name, row.integer("x"), row.integer("y"));
  };
  if (type == "open_app") return std::string(kOpenApp) + row.text("app_name");
  if (type == "click") return press(kClick);
  if (type == "long_press") return press(kLongPress);
  if (type == "scroll") return "Scroll " + row.text("direction");
  if (type == "input_text") return "Type " + row.text("text");
  if (type == "navigate_home") return "Navigate Home";
  if (type == "navigate_back") return "Navigate Back";
  if (type == "wait") return "Wait";
  return "";
}

std::string scaled_action(std::string_view action, ImageSize screen) {
  const auto press = parse_press(action);
  if (!press) return std::string(action);
  return fmt::format("{}({}, {})", press->name, percent(press->x, screen.width), percent(press->y, screen.height));
}

std::optional<PixelBox> click_box(std::string_view action, std::span<const PixelBox> boxes) {
  const auto press = parse_press(action);
  if (!press) return std::nullopt;
  const auto size = [](const PixelBox& box) { return std::pair(box.right - box.left, box.bottom - box.top); };
  std::optional<PixelBox> smallest;
  for (const PixelBox& box : boxes) {
    const bool encloses =
        box.left <= press->x && press->x <= box.right && box.top <= press->y && press->y <= box.bottom;
    if (encloses && (!smallest || size(box) < size(*smallest))) smallest = box;
  }
  if (smallest) return smallest;
  return PixelBox{press->x - kClickMargin, press->y - kClickMargin, press->x + kClickMargin, press->y + kClickMargin};
}

std::optional<PixelBox> app_box(std::string_view screen_text, std::string_view app, config::Quirks quirks) {
  const std::string tree = text::to_lower(screen_text);
  const std::string name = quirks == config::Quirks::Reference ? std::string(app) : text::to_lower(app);
  const std::string_view all = tree;
  for (size_t at = all.find("center=["); at != std::string_view::npos; at = all.find("center=[", at + 1)) {
    std::string_view rest = all.substr(at);
    take_text(rest, "center=[");
    const auto x = take_number(rest);
    if (!x || !take_text(rest, ",")) continue;
    const auto y = take_number(rest);
    if (!y || !take_text(rest, "],")) continue;
    skip_spaces(rest);
    if (!take_text(rest, "size=[")) continue;
    const auto width = take_number(rest);
    if (!width || !take_text(rest, ",")) continue;
    const auto height = take_number(rest);
    if (!height || !take_text(rest, "],")) continue;
    skip_spaces(rest);
    if (!take_text(rest, "text=") || !rest.starts_with(name)) continue;
    return PixelBox{*x - *width / 2, *y - *height / 2, *x + *width / 2, *y + *height / 2};
  }
  return std::nullopt;
}

std::string scaled_box(const PixelBox& box, ImageSize screen) {
  return fmt::format("[{}, {}, {}, {}]", percent(box.left, screen.width), percent(box.top, screen.height),
                     percent(box.right, screen.width), percent(box.bottom, screen.height));
}

}  // namespace molmo::data
