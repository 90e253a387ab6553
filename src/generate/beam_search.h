// Beam search, step for step as the reference does it (reference: olmo/beam_search.py).
// Every beam proposes its likeliest tokens, the best of all proposals survive; a beam that ended can only continue with
// EOS at no cost; the search stops when all beams ended. Knows no model: a step function gives the logits.
// Letters: B prompts, K beams, R = B * K rows, V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "config/generation.h"

namespace molmo::generate {

struct Beam {
  std::vector<int64_t> tokens;  // as many as steps were taken: filled up with EOS
  double score = 0;             // sum of log probabilities / length^length_penalty; the length includes one EOS
};

// Row r continues the row parents[r] of the step before with tokens[r]; before the first step there is one row per
// prompt. Returns logits [R, V]; an undefined tensor ends the search.
using BeamStep = std::function<at::Tensor(std::span<const int64_t> parents, std::span<const int64_t> tokens)>;

// first_logits: [B, V]. Returns for each prompt num_beams beams, best first.
// Throws InvalidArgument when the vocabulary is smaller than the number of proposals.
std::vector<std::vector<Beam>> search_beams(const at::Tensor& first_logits, const BeamStep& step,
                                            const config::GenerationConfig& config, int64_t eos_id);

}  // namespace molmo::generate
