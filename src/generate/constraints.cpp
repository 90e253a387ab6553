#include "generate/constraints.h"

#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace molmo::generate {
namespace {

std::span<float> row_of(const at::Tensor& matrix, size_t row) {
  const auto width = static_cast<size_t>(matrix.size(1));
  return {matrix.mutable_data_ptr<float>() + row * width, width};
}

}  // namespace

void penalize_repetition(std::span<float> logits, std::span<const int64_t> generated, double penalty) {
  std::vector<int64_t> distinct(generated.begin(), generated.end());
  std::ranges::sort(distinct);
  const auto repeated = std::ranges::unique(distinct);
  distinct.erase(repeated.begin(), repeated.end());
  for (const int64_t token : distinct) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = static_cast<float>(logit > 0 ? logit / penalty : logit * penalty);
  }
}

void block_repeated_ngrams(std::span<float> scores, std::span<const int64_t> generated, int64_t ngram_size) {
  const auto prefix_size = static_cast<size_t>(ngram_size - 1);
  if (generated.size() < prefix_size) return;
  const auto prefix = generated.last(prefix_size);
  for (size_t end = prefix_size; end < generated.size(); ++end) {
    if (std::ranges::equal(generated.subspan(end - prefix_size, prefix_size), prefix)) {
      scores[static_cast<size_t>(generated[end])] = kBlockedScore;
    }
  }
}

at::Tensor constrained_log_probs(const at::Tensor& logits, std::span<const std::span<const int64_t>> generated,
                                 const config::GenerationConfig& config, int64_t eos_id) {
  check_internal(logits.size(0) == static_cast<int64_t>(generated.size()), "one history per row of logits");
  at::Tensor scores = logits.to(at::kCPU, at::kFloat).contiguous();
  if (config.repetition_penalty != 1) {
    scores = scores.clone();
    for (size_t row = 0; row < generated.size(); ++row) {
      penalize_repetition(row_of(scores, row), generated[row], config.repetition_penalty);
    }
  }
  at::Tensor log_probs = at::log_softmax(scores, -1);
  for (size_t row = 0; row < generated.size(); ++row) {
    const auto values = row_of(log_probs, row);
    // One NaN among the logits makes every log probability NaN.
    if (std::isnan(values.front()))
      fail(ErrorCategory::BadData, "the model computed scores that are not numbers: are the weights damaged?");
    if (config.no_repeat_ngram > 0) block_repeated_ngrams(values, generated[row], config.no_repeat_ngram);
    if (static_cast<int64_t>(generated[row].size()) < config.min_new_tokens)
      values[static_cast<size_t>(eos_id)] = kBlockedScore;
  }
  return log_probs;
}

}  // namespace molmo::generate
