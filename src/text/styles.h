// The styles of the reference's data sets and benchmarks: names of tasks, which stand in front of a question as its tag
// (paper, section 4; reference: olmo/data).
#pragma once

#include <span>
#include <string_view>

namespace molmo::text {

// In alphabetical order.
std::span<const std::string_view> known_styles();

// Throws InvalidArgument, naming the nearest known style and `source` (a flag or a field). "" is no style, and fine.
void check_style(std::string_view style, std::string_view source);

}  // namespace molmo::text
