// Answers in tokens, from a prepared input: greedy, sampled, or by beam search.
//   auto answers = generate(molmo, input, config, eos_id);   // answers[row][k]
// Session adds text, pictures and conversations on top. Letters: B rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "config/generation.h"
#include "generate/decode_batch.h"
#include "generate/finish_reason.h"
#include "preprocess/model_input.h"

namespace molmo::generate {

struct Generated {
  std::vector<int64_t> tokens;  // with the final EOS where there is one
  double score = 0;             // sum of log probabilities; of beams, divided by length^length_penalty
  FinishReason finish_reason = FinishReason::Length;
};

enum class AfterToken { Continue, EndAnswer, Cancel };  // EndAnswer ends this row only, with FinishReason::StopString

// Told of every generated token, EOS included.
using OnToken = std::function<AfterToken(int64_t row, int64_t token)>;

// Continues the rows of the batch, whose first tokens come from `logits`: [B, V]. Rows that end leave the batch.
std::vector<Generated> decode_rows(DecodeBatch& batch, at::Tensor logits, const config::GenerationConfig& config,
                                   int64_t eos_id, const OnToken& on_token = {});

// num_beams beams per row, best first. `keep_going` is asked before every step; when it says no, unfinished beams are
// Cancelled. Beams are exact searches: throws InvalidArgument with a temperature.
std::vector<std::vector<Generated>> decode_beams(DecodeBatch& batch, const at::Tensor& logits,
                                                 const config::GenerationConfig& config, int64_t eos_id,
                                                 const std::function<bool()>& keep_going = {});

// Reads one example, or a batch of them, and returns the logits behind each row's last token.
at::Tensor prefill(DecodeBatch& batch, const preprocess::ModelInput& input);

// One example, or a batch of them. Gives num_beams or num_answers answers per row.
std::vector<std::vector<Generated>> generate(const model::Molmo& molmo, const preprocess::ModelInput& input,
                                             const config::GenerationConfig& config, int64_t eos_id);

}  // namespace molmo::generate
