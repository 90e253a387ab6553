#include "generate/ask_together.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "generate/generator.h"
#include "generate/prompt_tokens.h"
#include "generate/text_stream.h"
#include "preprocess/build_input.h"

namespace molmo::generate {
namespace {

std::vector<PromptTokens> read_prompts(const LoadedModel& model, std::span<const PreparedPrompt> prompts,
                                       const preprocess::InputOptions& options, PictureCache& cache) {
  const config::ModelConfig& config = model.molmo.config();
  std::vector<const image::Image*> images;
  for (const PreparedPrompt& prompt : prompts) {
    for (const image::Image& picture : prompt.images) images.push_back(&picture);
  }
  const auto pictures = cache.find_or_prepare_all(images, config, options);
  Picture::encode_together(model.molmo, pictures);
  std::vector<PromptTokens> all;
  auto next = pictures.begin();
  for (const PreparedPrompt& prompt : prompts) {
    const auto end = next + static_cast<ptrdiff_t>(prompt.images.size());
    PromptTokens& tokens = all.emplace_back();
    tokens.append(std::array{preprocess::bos_id(model.tokenizer)});
    tokens.append(model.tokenizer.encode(prompt.text), {next, end}, config.image_placeholder_id());
    next = end;
  }
  return all;
}

// Pads on the right to the longest prompt and the most crops.
PrefillInput collate(std::span<const PromptTokens> prompts) {
  std::vector<PrefillInput> inputs;
  int64_t num_tokens = 0, num_crops = 0;
  at::Tensor any_features;
  for (const PromptTokens& prompt : prompts) {
    const PrefillInput& input = inputs.emplace_back(prompt.input_from(0));
    num_tokens = std::max(num_tokens, input.input_ids.size(1));
    if (!input.image_features.defined()) continue;
    any_features = input.image_features;
    num_crops = std::max(num_crops, any_features.size(1));
  }
  std::vector<at::Tensor> ids, features, positions;
  for (PrefillInput& input : inputs) {
    ids.push_back(at::constant_pad_nd(input.input_ids, {0, num_tokens - input.input_ids.size(1)}, -1));
    if (!any_features.defined()) continue;
    if (!input.image_features.defined()) {
      input.image_features = any_features.narrow(1, 0, 0);
      input.image_input_idx = at::empty({1, 0, any_features.size(2)}, at::kLong);
    }
    const int64_t missing = num_crops - input.image_features.size(1);
    features.push_back(at::constant_pad_nd(input.image_features, {0, 0, 0, 0, 0, missing}));
    positions.push_back(at::constant_pad_nd(input.image_input_idx, {0, 0, 0, missing}, -1));
  }
  PrefillInput batch{.input_ids = at::cat(ids)};
  if (!any_features.defined()) return batch;
  batch.image_features = at::cat(features);
  batch.image_input_idx = at::cat(positions);
  return batch;
}

// All answers get the room that the longest prompt leaves.
config::GenerationConfig fit_to_context(config::GenerationConfig generation, std::span<const PromptTokens> prompts,
                                        int64_t context) {
  int64_t longest = 0;
  for (const PromptTokens& prompt : prompts) longest = std::max(longest, prompt.size());
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
                                 const config::GenerationConfig& generation, const preprocess::InputOptions& options,
                                 PictureCache* pictures) {
  generation.validate();
  if (generation.num_answers != 1 || generation.num_beams != 1) {
    fail(ErrorCategory::InvalidArgument, "{} answers and {} beams; prompts that are answered together get one of each",
         generation.num_answers, generation.num_beams);
  }
  if (prompts.empty()) return {};
  const c10::InferenceMode no_gradients;
  PictureCache of_this_call;
  const std::vector<PromptTokens> tokens = read_prompts(model, prompts, options, pictures ? *pictures : of_this_call);
  const config::GenerationConfig fitted =
      fit_to_context(generation, tokens, model.molmo.config().decoder.max_sequence_length);

  std::vector<TextStream> streams(prompts.size(), TextStream(model.tokenizer, fitted.stop));
  const auto on_token = [&](int64_t row, int64_t token) {
    TextStream& stream = streams[static_cast<size_t>(row)];
    stream.push(token);
    return stream.has_stopped() ? AfterToken::EndAnswer : AfterToken::Continue;
  };
  DecodeBatch batch(model.molmo, model.cache_type);
  const at::Tensor logits = batch.prefill(collate(tokens));
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
    answer.usage = {.prompt_tokens = tokens[i].size(),
                    .image_tokens = tokens[i].num_image_tokens(),
                    .completion_tokens = static_cast<int64_t>(generated[i].tokens.size())};
    answer.tokens = std::move(generated[i].tokens);
  }
  return answers;
}

}  // namespace molmo::generate
