// Questions and scores of the benchmarks that our generators draw; docs/evaluation.md says what the scores mean.
#pragma once

#include "eval/benchmark.h"

namespace molmo::eval {

// f1, precision, recall (eval/pointing.h) where there is something to point at; `absent` where there is not: the share
// of answers without a point.
std::vector<Question> ask_points(const data::Example& example);
ItemScores score_points(const Json& reference, std::string_view answer, config::Quirks quirks);

// correct, close (within one), valid (a number was found).
std::vector<Question> ask_count(const data::Example& example);
ItemScores score_count(const Json& reference, std::string_view answer, config::Quirks quirks);

// within_5_minutes (on the dial), hour, minute, valid.
std::vector<Question> ask_clock(const data::Example& example);
ItemScores score_clock_reading(const Json& reference, std::string_view answer, config::Quirks quirks);

// recall, precision, f1, and recall and precision of kinds and of colours (eval/scene_caption.h).
std::vector<Question> ask_caption(const data::Example& example);
ItemScores score_scene_caption(const Json& reference, std::string_view answer, config::Quirks quirks);

// relaxed, exact (eval/answers.h).
std::vector<Question> ask_docs(const data::Example& example);
ItemScores score_docs(const Json& reference, std::string_view answer, config::Quirks quirks);

}  // namespace molmo::eval
