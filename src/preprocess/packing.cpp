#include "preprocess/packing.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace molmo::preprocess {
namespace {

// All conversations one after the other, with what each token means for training.
struct TextTokens {
  std::vector<int64_t> ids, subsegments;
  std::vector<float> weights;
};

TextTokens join(std::span<const EncodedConversation> conversations, int64_t eos, float target_weight) {
  TextTokens text;
  for (size_t k = 0; k < conversations.size(); ++k) {
    for (const auto& message : conversations[k]) {
      text.ids.insert(text.ids.end(), message.ids.begin(), message.ids.end());
      if (message.is_answer) text.ids.push_back(eos);
      text.weights.resize(text.ids.size(), message.is_answer ? target_weight : 0.0f);
    }
    text.subsegments.resize(text.ids.size(), static_cast<int64_t>(k) + 1);
  }
  return text;
}

float target_weight(size_t num_conversations, const PackOptions& options) {
  double weight = options.example_weight.value_or(1.0);
  if (options.weighting == LossWeighting::RootSubsegments)
    weight *= std::sqrt(1.0 / static_cast<double>(num_conversations));
  return static_cast<float>(weight);
}

// What each token of the sequence is to training, before BOS is put in front and labels are shifted.
struct Targets {
  std::vector<int64_t> subsegments;
  std::vector<float> weights;
};

Targets targets_of(const TokenLayout& layout, const TextTokens& text, int64_t placeholder) {
  Targets targets;
  for (const int64_t index : layout.text_index) {
    const bool is_text = index >= 0 && text.ids[static_cast<size_t>(index)] != placeholder;
    targets.subsegments.push_back(index < 0 ? kImageSubsegment : text.subsegments[static_cast<size_t>(index)]);
    targets.weights.push_back(is_text ? text.weights[static_cast<size_t>(index)] : 0.0f);
  }
  return targets;
}

at::Tensor cut(const at::Tensor& tensor, int64_t max_tokens) {
  return tensor.defined() && tensor.size(0) > max_tokens ? tensor.narrow(0, 0, max_tokens) : tensor;
}

TrainingExample cut(TrainingExample example, int64_t max_tokens) {
  example.input.input_ids = cut(example.input.input_ids, max_tokens);
  example.input.position_ids = cut(example.input.position_ids, max_tokens);
  example.labels = cut(example.labels, max_tokens);
  example.loss_weights = cut(example.loss_weights, max_tokens);
  example.subsegment_ids = cut(example.subsegment_ids, max_tokens);
  at::Tensor& index = example.input.image_input_idx;
  if (index.defined()) index = index.masked_fill(index.ge(max_tokens), kDroppedFeature);
  return example;
}

// [T] each -> [B, num_tokens], padded with -1.
at::Tensor stack_tokens(std::span<const at::Tensor> rows, int64_t num_tokens) {
  at::Tensor stacked = at::full({static_cast<int64_t>(rows.size()), num_tokens}, -1, rows.front().options());
  for (size_t i = 0; i < rows.size(); ++i) {
    stacked.select(0, static_cast<int64_t>(i)).narrow(0, 0, rows[i].size(0)).copy_(rows[i]);
  }
  return stacked;
}

}  // namespace

TrainingExample pack_tokens(std::span<const EncodedConversation> conversations, std::span<const ImageTokens> pictures,
                            const SpecialIds& ids, const PackOptions& options) {
  const TextTokens text = join(conversations, ids.eos, target_weight(conversations.size(), options));
  TokenLayout layout = lay_out_tokens(text.ids, pictures, ids.image_placeholder);
  if (layout.ids.empty()) fail(ErrorCategory::InvalidArgument, "an example needs at least one token");
  Targets targets = targets_of(layout, text, ids.image_placeholder);

  // Labels are the sequence without BOS. The last EOS is only a label; a sequence that ends otherwise has no label for
  // its last token.
  std::vector<int64_t> labels = layout.ids;
  layout.prepend(ids.bos);
  targets.subsegments.insert(targets.subsegments.begin(), targets.subsegments.front());
  if (labels.back() == ids.eos) {
    layout.ids.pop_back();
    targets.subsegments.pop_back();
  } else {
    labels.push_back(-1);
    targets.weights.push_back(-1);
  }
  TrainingExample example;
  example.labels = at::tensor(labels, at::kLong);
  example.loss_weights = at::tensor(targets.weights, at::kFloat);
  example.input.input_ids = at::tensor(layout.ids, at::kLong);
  const at::Tensor subsegments = at::tensor(targets.subsegments, at::kLong);
  if (conversations.size() > 1) {
    example.subsegment_ids = subsegments;
    example.input.position_ids = packed_position_ids(subsegments);
  } else {
    example.input.position_ids = at::ones_like(subsegments).cumsum(0).sub(1);
  }
  example.input.num_image_tokens = layout.num_image_tokens;
  if (!pictures.empty()) example.input.image_input_idx = at::tensor(layout.image_input_idx, at::kLong);
  return example;
}

TrainingExample collate(std::span<const TrainingExample> examples, const PaddedSize& at_least,
                        std::optional<int64_t> max_tokens) {
  std::vector<TrainingExample> rows(examples.begin(), examples.end());
  if (max_tokens) {
    for (auto& row : rows) row = cut(std::move(row), *max_tokens);
  }
  std::vector<ModelInput> inputs;
  std::vector<at::Tensor> labels, weights, subsegments;
  const bool is_packed = std::ranges::any_of(rows, [](const auto& row) { return row.subsegment_ids.defined(); });
  for (const auto& row : rows) {
    inputs.push_back(row.input);
    labels.push_back(row.labels);
    weights.push_back(row.loss_weights);
    subsegments.push_back(row.subsegment_ids.defined() ? row.subsegment_ids : at::ones_like(row.input.input_ids));
  }
  TrainingExample batch;
  batch.input = collate(inputs, at_least);
  const int64_t num_tokens = batch.input.input_ids.size(1);
  batch.labels = stack_tokens(labels, num_tokens);
  batch.loss_weights = stack_tokens(weights, num_tokens);
  if (is_packed) batch.subsegment_ids = stack_tokens(subsegments, num_tokens);
  return batch;
}

at::Tensor packed_position_ids(const at::Tensor& subsegment_ids) {
  // is_counted[i, j]: token j lies at or before token i and belongs to its sub-segment or one that it sees.
  const at::Tensor is_counted = subsegment_ids.unsqueeze(-2).ge(subsegment_ids.unsqueeze(-1)).tril();
  return is_counted.sum(-1, /*keepdim=*/false, at::kLong).sub(1);
}

}  // namespace molmo::preprocess
