// What Android says is on the screen: the accessibility trees of AndroidControl (messages AndroidAccessibilityForest of
// android_env, android_env/proto/a11y), read for the boxes of elements and for a short text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/geometry.h"

namespace molmo::data {

// In pixels from the upper left corner.
struct PixelBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
  bool operator==(const PixelBox&) const = default;
};

struct ScreenElement {
  PixelBox bounds;
  std::string class_name, package_name, text, resource_name;
  bool is_checkable = false, is_checked = false, is_clickable = false, is_long_clickable = false;
  bool is_scrollable = false, is_selected = false, is_visible = false;
};

using ScreenWindow = std::vector<ScreenElement>;

// The windows and their elements in the order of the message. Throws BadData, naming `source`.
std::vector<ScreenWindow> parse_accessibility_forest(std::string_view message, std::string_view source);

// Boxes of the visible elements. As in the reference a right or bottom edge at 0 is that of the screen, and an element
// with all edges at 0 has no box (the message does not tell 0 from nothing).
std::vector<PixelBox> visible_boxes(const std::vector<ScreenWindow>& windows, ImageSize screen);

// One line for each visible element, under the name of its package:
//   com.android.deskclock
//     center=[540,120], size=[200,80], text=Alarm, ['isClickable']
// As in the reference (olmo/hf_datasets/android_control_utils.py) a window shows one element of each text only, the
// first, and one of all those without a text.
std::string screen_text(const std::vector<ScreenWindow>& windows);

}  // namespace molmo::data
