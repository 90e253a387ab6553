#include "generate/generator.h"

#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "generate/beam_search.h"
#include "generate/sampling.h"

namespace molmo::generate {
namespace {

// One row of a running batch.
struct Row {
  int64_t index = 0;
  Sampler sampler;
};

// Whether the answer ends with its last token, and why. A cancellation is no end: the token may have been EOS.
std::optional<FinishReason> end_of(const Generated& answer, AfterToken after, const config::GenerationConfig& config,
                                   int64_t eos_id) {
  if (answer.tokens.back() == eos_id) return FinishReason::Stop;
  if (after == AfterToken::EndAnswer) return FinishReason::StopString;
  if (after == AfterToken::Cancel) return FinishReason::Cancelled;
  if (static_cast<int64_t>(answer.tokens.size()) >= config.max_new_tokens) return FinishReason::Length;
  return std::nullopt;
}

at::Tensor with_batch_axis(const at::Tensor& tensor, int64_t num_axes) {
  return tensor.defined() && tensor.dim() < num_axes ? tensor.unsqueeze(0) : tensor;
}

// Beams come filled up with EOS; an answer has one at most.
Generated answer_of(const Beam& beam, const config::GenerationConfig& config, int64_t eos_id) {
  Generated answer{.tokens = beam.tokens, .score = beam.score};
  const auto end = std::ranges::find(answer.tokens, eos_id);
  if (end != answer.tokens.end()) {
    answer.tokens.erase(end + 1, answer.tokens.end());
    answer.finish_reason = FinishReason::Stop;
  } else if (static_cast<int64_t>(answer.tokens.size()) < config.max_new_tokens) {
    answer.finish_reason = FinishReason::Cancelled;
  }
  return answer;
}

}  // namespace

std::vector<Generated> decode_rows(DecodeBatch& batch, at::Tensor logits, const config::GenerationConfig& config,
                                   int64_t eos_id, const OnToken& on_token) {
  std::vector<Generated> answers(static_cast<size_t>(logits.size(0)));
  std::vector<Row> rows;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    rows.push_back({.index = i, .sampler = Sampler(config, eos_id, static_cast<uint64_t>(i))});
  }
  while (true) {
    std::vector<int64_t> survivors, tokens;
    bool is_cancelled = false;
    for (size_t i = 0; i < rows.size(); ++i) {
      Generated& answer = answers[static_cast<size_t>(rows[i].index)];
      const Choice choice = rows[i].sampler.choose(logits[static_cast<int64_t>(i)], answer.tokens);
      answer.tokens.push_back(choice.token);
      answer.score += choice.log_probability;
      const AfterToken after = on_token ? on_token(rows[i].index, choice.token) : AfterToken::Continue;
      is_cancelled |= after == AfterToken::Cancel;
      if (const auto end = end_of(answer, after, config, eos_id)) {
        answer.finish_reason = *end;
      } else {
        survivors.push_back(static_cast<int64_t>(i));
        tokens.push_back(choice.token);
      }
    }
    if (is_cancelled) {
      for (const int64_t i : survivors)
        answers[static_cast<size_t>(rows[static_cast<size_t>(i)].index)].finish_reason = FinishReason::Cancelled;
      return answers;
    }
    if (survivors.empty()) return answers;
    batch.select(survivors);
    std::vector<Row> remaining;
    for (const int64_t i : survivors) remaining.push_back(std::move(rows[static_cast<size_t>(i)]));
    rows = std::move(remaining);
    logits = batch.step(tokens);
  }
}

std::vector<std::vector<Generated>> decode_beams(DecodeBatch& batch, const at::Tensor& logits,
                                                 const config::GenerationConfig& config, int64_t eos_id,
                                                 const std::function<bool()>& keep_going) {
  if (config.temperature > 0) {
    fail(ErrorCategory::InvalidArgument,
         "temperature is {}, but a search with {} beams draws nothing: use temperature 0 or one beam",
         config.temperature, config.num_beams);
  }
  const auto step = [&](std::span<const int64_t> parents, std::span<const int64_t> tokens) {
    if (keep_going && !keep_going()) return at::Tensor();
    batch.select(parents);
    return batch.step(tokens);
  };
  std::vector<std::vector<Generated>> answers;
  for (const auto& beams : search_beams(logits, step, config, eos_id)) {
    auto& row = answers.emplace_back();
    for (const auto& beam : beams) row.push_back(answer_of(beam, config, eos_id));
  }
  return answers;
}

at::Tensor prefill(DecodeBatch& batch, const preprocess::ModelInput& input) {
  const model::Molmo& molmo = batch.molmo();
  PrefillInput prompt{.input_ids = with_batch_axis(input.input_ids, 2)};
  if (input.images.defined()) {
    prompt.image_features = molmo.encode_images(with_batch_axis(input.images, 4).to(molmo.device()),
                                                with_batch_axis(input.image_masks, 3).to(molmo.device()));
    prompt.image_input_idx = with_batch_axis(input.image_input_idx, 3);
  }
  return batch.prefill(prompt);
}

std::vector<std::vector<Generated>> generate(const model::Molmo& molmo, const preprocess::ModelInput& input,
                                             const config::GenerationConfig& config, int64_t eos_id) {
  config.validate();
  const c10::InferenceMode no_gradients;
  DecodeBatch batch(molmo);
  const at::Tensor logits = prefill(batch, input);
  if (config.num_beams > 1) return decode_beams(batch, logits, config, eos_id);

  // Answers of one row stand side by side.
  std::vector<int64_t> repeated;
  for (int64_t row = 0; row < logits.size(0); ++row) {
    repeated.insert(repeated.end(), static_cast<size_t>(config.num_answers), row);
  }
  batch.select(repeated);
  const at::Tensor index = at::tensor(repeated, at::kLong).to(logits.device());
  std::vector<Generated> flat = decode_rows(batch, logits.index_select(0, index), config, eos_id);
  std::vector<std::vector<Generated>> answers(static_cast<size_t>(logits.size(0)));
  for (size_t i = 0; i < flat.size(); ++i) answers[static_cast<size_t>(repeated[i])].push_back(std::move(flat[i]));
  return answers;
}

}  // namespace molmo::generate
