// AndroidControl: whether an action does what was wanted (reference: compute_stepwise_accuracy of
// olmo/eval/evaluators.py), and the overlap of boxes.
#pragma once

#include <array>
#include <string_view>

namespace molmo::eval {

// Case aside: clicks and long presses inside the target box (edges included, percent), the same text, direction or app,
// a click into the box of the app that was to be opened. What stands behind the first "Action:" counts, where that
// stands. `target_box` is a text with four decimals, such as "[10.0, 20.0, 30.0, 40.0]"; a click on a target without
// one is wrong (the reference fails there).
bool android_step_match(std::string_view target_action, std::string_view prediction, std::string_view target_box);

// intersection / (union + 1e-6); a box is left, top, right, bottom, and has no area where it is empty.
double box_iou(const std::array<double, 4>& a, const std::array<double, 4>& b);

}  // namespace molmo::eval
