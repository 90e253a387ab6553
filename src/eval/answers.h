// Short answers: what is scored of a model's text, and how it is compared (reference: VqaEval of
// olmo/eval/evaluators.py, and olmo/eval/vqa.py).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace molmo::eval {

// What is scored: the text behind the first "Answer:" up to a second one; else of several lines the most frequent one,
// the first of those on ties; white space becomes single spaces, but behind "Answer:" only the ends are trimmed.
std::string clean_prediction(std::string_view raw);

// What files for test servers hold: the same without the rule of "Answer:" and with the inner spaces of a single line.
std::string submission_text(std::string_view raw);

// A trailing % divides by 100. Numbers (as Python's float reads them, the target not 0) may differ by 5 percent of the
// target; anything else must be equal but for case.
bool relaxed_match(std::string_view target, std::string_view prediction);

// Equal but for case.
bool exact_match(std::string_view target, std::string_view prediction);

// Insertions, deletions and changes of code points.
int64_t levenshtein(std::string_view a, std::string_view b);

// Average normalised Levenshtein similarity against one target: 1 - distance / length of the longer, case aside, and 0
// from a distance of one half on. Of two empty texts 1 (the reference divides by zero).
double anls(std::string_view target, std::string_view prediction);

// Which option a text means, case and outer white space aside: the equal one, else the only one that contains the text,
// else the nearest by levenshtein(), the first of those. There is at least one option.
size_t select_option(std::span<const std::string> options, std::string_view prediction);

}  // namespace molmo::eval
