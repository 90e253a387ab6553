// Lower case as Python's str.lower gives it: labels are written so in prompts and answers.
#pragma once

#include <string>
#include <string_view>

namespace molmo::text {

// Every character on its own, but for the two that need more: a sigma that ends a word, and the dotted capital I.
std::string to_lower(std::string_view text);

}  // namespace molmo::text
