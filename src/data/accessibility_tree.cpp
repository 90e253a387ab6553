#include "data/accessibility_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "data/protobuf.h"
#include "text/utf8.h"

namespace molmo::data {
namespace {

// ProtoRect {int32 left = 1, top = 2, right = 3, bottom = 4;}
PixelBox parse_rect(std::string_view message, std::string_view source) {
  PixelBox box;
  ProtobufReader reader(message, source);
  while (reader.next()) {
    int64_t* const edges[] = {&box.left, &box.top, &box.right, &box.bottom};
    if (reader.field() < 1 || reader.field() > 4) continue;
    *edges[reader.field() - 1] = static_cast<int32_t>(reader.integer());
  }
  return box;
}

ScreenElement parse_element(std::string_view message, std::string_view source) {
  ScreenElement element;
  ProtobufReader reader(message, source);
  const auto text = [&] { return text::replace_invalid_utf8(reader.bytes()); };
  while (reader.next()) {
    switch (reader.field()) {
      case 2:
        element.bounds = parse_rect(reader.bytes(), source);
        break;
      case 3:
        element.class_name = text();
        break;
      case 6:
        element.package_name = text();
        break;
      case 7:
        element.text = text();
        break;
      case 10:
        element.resource_name = text();
        break;
      case 12:
        element.is_checkable = reader.integer() != 0;
        break;
      case 13:
        element.is_checked = reader.integer() != 0;
        break;
      case 14:
        element.is_clickable = reader.integer() != 0;
        break;
      case 19:
        element.is_long_clickable = reader.integer() != 0;
        break;
      case 21:
        element.is_scrollable = reader.integer() != 0;
        break;
      case 22:
        element.is_selected = reader.integer() != 0;
        break;
      case 23:
        element.is_visible = reader.integer() != 0;
        break;
      default:
        break;
    }
  }
  return element;
}

// "com.android.deskclock:id/alarm" -> "alarm": every stretch from "com" to the next "id/" of the line goes.
std::string short_resource(std::string_view name) {
  std::string kept;
  while (!name.empty()) {
    if (name.starts_with("com")) {
      const std::string_view line = name.substr(0, name.find('\n'));
      const size_t end = line.find("id/", 3);
      if (end != std::string_view::npos) {
        name.remove_prefix(end + 3);
        continue;
      }
    }
    kept += name.front();
    name.remove_prefix(1);
  }
  return kept;
}

std::string short_class(std::string name) {
  constexpr std::string_view kPrefix = "android.widget.";
  for (size_t at = name.find(kPrefix); at != std::string::npos; at = name.find(kPrefix, at))
    name.erase(at, kPrefix.size());
  return name;
}

// Python's None and what prints like it count as nothing.
bool is_given(std::string_view text) {
  return !text.empty() && text != "None";
}

std::string properties(const ScreenElement& element) {
  const std::pair<bool, std::string_view> all[] = {
      {element.is_checkable, "'isCheckable'"},   {element.is_checked, "'isChecked'"},
      {element.is_clickable, "'isClickable'"},   {element.is_long_clickable, "'isLongClickable'"},
      {element.is_scrollable, "'isScrollable'"}, {element.is_selected, "'isSelected'"},
  };
  std::vector<std::string_view> names;
  for (const auto& [is_set, name] : all) {
    if (is_set) names.push_back(name);
  }
  return names.empty() ? "" : fmt::format(", [{}]", fmt::join(names, ", "));
}

std::string element_text(const ScreenElement& element) {
  const PixelBox& box = element.bounds;
  const int64_t width = box.right - box.left, height = box.bottom - box.top;
  const auto center_x = static_cast<int64_t>(static_cast<double>(box.left) + static_cast<double>(width) / 2);
  const auto center_y = static_cast<int64_t>(static_cast<double>(box.top) + static_cast<double>(height) / 2);
  std::string text = fmt::format("center=[{},{}], size=[{},{}]", center_x, center_y, width, height);

  const std::string resource = short_resource(element.resource_name);
  if (is_given(element.text)) {
    text += ", text=" + element.text;
  } else if (is_given(resource)) {
    text += ", resource=" + resource;
  }
  const std::string class_name = short_class(element.class_name);
  if (is_given(class_name) && class_name.find("Switch") != std::string::npos) {
    text += ", text=Switch";
  } else if (is_given(class_name) && class_name.find("Edit") != std::string::npos) {
    text += ", EditableText";
  }
  return text + properties(element);
}

}  // namespace

// Forest {repeated Window windows = 1;}  Window {Tree tree = 11;}  Tree {repeated Node nodes = 1;}
std::vector<ScreenWindow> parse_accessibility_forest(std::string_view message, std::string_view source) {
  std::vector<ScreenWindow> windows;
  ProtobufReader forest(message, source);
  while (forest.next()) {
    if (forest.field() != 1) continue;
    ScreenWindow elements;
    ProtobufReader window(forest.bytes(), source);
    while (window.next()) {
      if (window.field() != 11) continue;
      ProtobufReader tree(window.bytes(), source);
      while (tree.next()) {
        if (tree.field() == 1) elements.push_back(parse_element(tree.bytes(), source));
      }
    }
    windows.push_back(std::move(elements));
  }
  return windows;
}

std::vector<PixelBox> visible_boxes(const std::vector<ScreenWindow>& windows, ImageSize screen) {
  std::vector<PixelBox> boxes;
  for (const ScreenWindow& window : windows) {
    for (const ScreenElement& element : window) {
      PixelBox box = element.bounds;
      if (!element.is_visible || box == PixelBox()) continue;
      if (box.right == 0) box.right = screen.width;
      if (box.bottom == 0) box.bottom = screen.height;
      boxes.push_back(box);
    }
  }
  return boxes;
}

std::string screen_text(const std::vector<ScreenWindow>& windows) {
  std::vector<std::pair<std::string, std::string>> packages;  // names and lines, in the order of their first element
  for (const ScreenWindow& window : windows) {
    std::set<std::string_view> texts;
    for (const ScreenElement& element : window) {
      const bool is_first = texts.insert(element.text).second;
      if (!is_first || !element.is_visible) continue;
      const std::string package = is_given(element.package_name) ? element.package_name : "";
      auto it =
          std::find_if(packages.begin(), packages.end(), [&](const auto& entry) { return entry.first == package; });
      if (it == packages.end()) it = packages.insert(it, {package, ""});
      it->second += "\t" + element_text(element) + "\n";
    }
  }
  std::string text;
  for (const auto& [package, lines] : packages) {
    text += fmt::format("{}{}\n{}", text.empty() ? "" : "\n", package, lines);
  }
  return text;
}

}  // namespace molmo::data
