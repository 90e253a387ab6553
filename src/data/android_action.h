// Actions of AndroidControl as the model writes them, and the boxes that answers are judged by (reference:
// olmo/hf_datasets/android_control.py and android_control_utils.py).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/geometry.h"
#include "base/json.h"
#include "config/quirks.h"
#include "data/accessibility_tree.h"

namespace molmo::data {

// {"action_type": "click", "x": 540, "y": 1200} -> "Click(540, 1200)"; "" for a type that is not known. Throws BadData,
// naming `source`, for missing and wrong fields.
std::string action_text(const Json& action, std::string_view source);

// The same with the place of a click or long press in percent of the screen: "Click(50.0, 50.0)".
std::string scaled_action(std::string_view action, ImageSize screen);

// The box that a click at the place of `action` ("Click(540, 1200)") has to hit: the smallest that encloses it, by
// width and then by height; or 10 pixels around it. Nothing for other actions.
std::optional<PixelBox> click_box(std::string_view action, std::span<const PixelBox> boxes);

// The box of the element whose text begins with `app`, from screen_text(). The reference makes the screen's text lower
// case and the name of the app not, so that names with capitals are never found.
std::optional<PixelBox> app_box(std::string_view screen_text, std::string_view app, config::Quirks quirks);

// In percent of the screen with one decimal: "[1.0, 2.0, 30.0, 40.0]".
std::string scaled_box(const PixelBox& box, ImageSize screen);

}  // namespace molmo::data
