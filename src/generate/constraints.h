// Rules on which token may come next, from the tokens that were generated so far; the prompt does not count.
// Letters: R rows, V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "config/generation.h"

namespace molmo::generate {

// Score of a token that must not come next. Finite, as in the reference's beam search, so that sums stay comparable.
constexpr float kBlockedScore = std::numeric_limits<float>::lowest();

// Positive logits of generated tokens are divided by `penalty`, negative ones multiplied.
void penalize_repetition(std::span<float> logits, std::span<const int64_t> generated, double penalty);

// Blocks every token that would complete `ngram_size` tokens that were generated in this order before.
void block_repeated_ngrams(std::span<float> scores, std::span<const int64_t> generated, int64_t ngram_size);

// logits: [R, V] -> log probabilities [R, V], float32 on the CPU, in memory of their own. generated: per row.
// Repetition is penalized before the softmax; blocked tokens get kBlockedScore after it, so the others keep their
// probabilities. Throws BadData when the model computed NaN.
at::Tensor constrained_log_probs(const at::Tensor& logits, std::span<const std::span<const int64_t>> generated,
                                 const config::GenerationConfig& config, int64_t eos_id);

}  // namespace molmo::generate
