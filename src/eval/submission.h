// Files for the servers that have the answers of test splits: VQA v2 (https://visualqa.org/evaluation.html), DocVQA and
// InfographicVQA (https://rrc.cvc.uab.es/?ch=17&com=tasks). Each is a list of {number of the question, answer}.
#pragma once

#include <string_view>

#include "base/json.h"
#include "eval/benchmark.h"

namespace molmo::eval {

// Nobody here can score the answers to this split.
bool has_hidden_answers(const Benchmark& benchmark, const BenchmarkData& data);

// Throws BadData for a reference without a whole number `example_id`.
Json submission_entry(const Benchmark& benchmark, const Json& reference, std::string_view answer);

}  // namespace molmo::eval
