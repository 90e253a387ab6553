// Answers of people to questions about pictures: normalisation and accuracy of VQA v2, and the scores built on them
// (reference: olmo/eval/vqa.py).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/quirks.h"

namespace molmo::eval {

// Lower case; signs become spaces, or nothing where one touches a space anywhere or the text has a comma between
// digits; full stops that no digit follows go away (with Quirks::Reference only the first 32).
std::string vqa_without_punctuation(std::string_view text, config::Quirks quirks);
// The same; then number words up to ten become digits, articles go away, and contractions get their apostrophe.
std::string vqa_normalize(std::string_view text, config::Quirks quirks);

// min(matches / 3, 1): how many people gave the same answer, after normalisation of both sides.
double vqa_score(std::span<const std::string> answers, std::string_view prediction, config::Quirks quirks);
// Against one plain text the reference normalises the prediction alone; repaired, both.
double vqa_score(std::string_view answer, std::string_view prediction, config::Quirks quirks);

// min(matches / 3, 1) with nothing but case and outer white space aside (A-OKVQA, direct answers).
double a_okvqa_score(std::span<const std::string> answers, std::string_view prediction);

// RealWorldQA: a letter from A to D, or equality after normalisation.
bool real_world_match(std::string_view question_type, std::string_view answer, std::string_view prediction,
                      config::Quirks quirks);

}  // namespace molmo::eval
