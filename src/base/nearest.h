// Finds the known name closest to a misspelt one, for "did you mean" hints.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace molmo {

// Levenshtein distance over bytes, or over code points.
size_t edit_distance(std::string_view a, std::string_view b);
size_t edit_distance(std::u32string_view a, std::u32string_view b);

// The candidate with the least distance, or "" when none is close enough to be a plausible typing error.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// " Did you mean 'x'?" or "".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

}  // namespace molmo
