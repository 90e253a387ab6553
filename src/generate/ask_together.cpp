#include "generate/ask_together.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "base/error.h"
#include "base/threads.h"
#include "generate/generator.h"
#include "generate/text_stream.h"
#include "preprocess/build_input.h"
#include "preprocess/model_input.h"

namespace molmo::generate {
namespace {

std::vector<preprocess::ModelInput> prepare(const LoadedModel& model, std::span<const PreparedPrompt> prompts,
                                            const preprocess::InputOptions& options) {
  std::vector<preprocess::ModelInput> inputs(prompts.size());
  parallel_for(static_cast<int64_t>(prompts.size()), 1, [&](int64_t begin, int64_t end) {
    const c10::InferenceMode no_gradients;  // of this thread
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      inputs[i] =
          preprocess::build_input(model.molmo.config(), model.tokenizer, prompts[i].images, prompts[i].text, options);
    }
  });
  return inputs;
}

// All answers get the room that the longest prompt leaves.
config::GenerationConfig fit_to_context(config::GenerationConfig generation,
                                        std::span<const preprocess::ModelInput> inputs, int64_t context) {
  int64_t longest = 0;
  for (const auto& input : inputs) longest = std::max(longest, input.input_ids.size(0));
  if (longest >= context) {
    fail(ErrorCategory::InvalidArgument,
         "a prompt has {} tokens, but the context holds {} with the answer. Hint: fewer crops", longest, context);
  }
  generation.max_new_tokens = std::min(generation.max_new_tokens, context - longest);
  generation.min_new_tokens = std::min(generation.min_new_tokens, generation.max_new_tokens);
  return generation;
}

}  // namespace

std::vector<Answer> ask_together(const LoadedModel& model, std::span<const PreparedPrompt> prompts,
                                 const config::GenerationConfig& generation, const preprocess::InputOptions& options) {
  generation.validate();
  if (generation.num_answers != 1 || generation.num_beams != 1) {
    fail(ErrorCategory::InvalidArgument, "{} answers and {} beams; prompts that are answered together get one of each",
         generation.num_answers, generation.num_beams);
  }
  if (prompts.empty()) return {};
  const c10::InferenceMode no_gradients;
  const std::vector<preprocess::ModelInput> inputs = prepare(model, prompts, options);
  const config::GenerationConfig fitted =
      fit_to_context(generation, inputs, model.molmo.config().decoder.max_sequence_length);

  std::vector<TextStream> streams(prompts.size(), TextStream(model.tokenizer, fitted.stop));
  const auto on_token = [&](int64_t row, int64_t token) {
    TextStream& stream = streams[static_cast<size_t>(row)];
    stream.push(token);
    return stream.has_stopped() ? AfterToken::EndAnswer : AfterToken::Continue;
  };
  DecodeBatch batch(model.molmo);
  const at::Tensor logits = prefill(batch, preprocess::collate(inputs));
  std::vector<Generated> generated = decode_rows(batch, logits, fitted, preprocess::eos_id(model.tokenizer), on_token);

  std::vector<Answer> answers(prompts.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    Answer& answer = answers[i];
    streams[i].finish();
    answer.text = streams[i].text();
    if (!prompts[i].images.empty())
      answer.points = locate_points(answer.text, {.size = prompts[i].images.front().size, .index = 0});
    answer.finish_reason = streams[i].has_stopped() ? FinishReason::StopString : generated[i].finish_reason;
    answer.score = generated[i].score;
    answer.usage = {.prompt_tokens = inputs[i].input_ids.size(0),
                    .image_tokens = inputs[i].num_image_tokens,
                    .completion_tokens = static_cast<int64_t>(generated[i].tokens.size())};
    answer.tokens = std::move(generated[i].tokens);
  }
  return answers;
}

}  // namespace molmo::generate
