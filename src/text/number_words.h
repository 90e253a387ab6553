// English words of small numbers, as captions, answers and their scoring use them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace molmo::text {

// "zero" to "twenty"; beyond these, digits.
std::string number_word(int64_t number);

// The other way round, lower case. Empty for every other word, digits included.
std::optional<int64_t> number_of_word(std::string_view word);

}  // namespace molmo::text
