// What MMMU's own evaluation reads out of an answer, and its verdict (reference: olmo/eval/mmmu_eval_utils.py).
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace molmo::eval {

// The letter that an answer chooses among options A, B, ...: "(B)" anywhere, else " B ", else in answers of more than
// five words the text of an option; of several the last one. Empty where nothing is found: the reference then draws
// one.
std::optional<char> parse_choice(std::string_view answer, std::span<const std::string> options);

// What an open answer may mean: numbers, rounded to two decimals, and texts in lower case.
struct OpenAnswer {
  std::set<double> numbers;
  std::set<std::string> texts;
};
OpenAnswer parse_open_answer(std::string_view answer);

// A number of the answer equals one of the gold answers, or a gold text is part of a text of the answer.
bool open_match(std::span<const std::string> gold, const OpenAnswer& answer);

// `question_type` "multiple-choice", or anything else for open questions. Empty options are left out before letters are
// given; where no letter is found, the first option counts as chosen.
bool mmmu_match(std::string_view question_type, std::span<const std::string> options, std::span<const std::string> gold,
                std::string_view answer);

}  // namespace molmo::eval
