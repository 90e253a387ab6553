#include "text/number_words.h"

#include <algorithm>
#include <array>

namespace molmo::text {
namespace {

constexpr std::array<std::string_view, 21> kNumberWords = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};

}  // namespace

std::string number_word(int64_t number) {
  return number >= 0 && number < std::ssize(kNumberWords) ? std::string(kNumberWords[static_cast<size_t>(number)])
                                                          : std::to_string(number);
}

std::optional<int64_t> number_of_word(std::string_view word) {
  const auto named = std::find(kNumberWords.begin(), kNumberWords.end(), word);
  if (named == kNumberWords.end()) return std::nullopt;
  return named - kNumberWords.begin();
}

}  // namespace molmo::text
