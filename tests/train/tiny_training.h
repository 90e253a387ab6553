// Batches and configurations for a trainer of the tiny model, with random content.
#pragma once

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <string>
#include <vector>

#include "model/tiny_model.h"
#include "train/trainer.h"

namespace molmo::test {

inline config::TrainingConfig training_config(config::Objective objective = config::Objective::Chat) {
  config::StageConfig stage;
  stage.objective = objective;
  stage.steps = 100;
  for (auto* component : {&stage.vision, &stage.connector, &stage.language}) {
    component->learning_rate = 1e-2;
    component->warmup_steps = 2;
    component->weight_decay = 0.1;
  }
  if (objective == config::Objective::PatchLabels) stage.patch_classes = {3};
  config::TrainingConfig config;
  config.stages = {stage};
  config.non_finite = config::NonFinitePolicy::Stop;
  return config;
}

// A picture of one crop whose tokens stand behind BOS, then `num_text` tokens, of which the second half is learnt.
inline preprocess::TrainingExample example(const config::ModelConfig& model, int64_t num_text, uint64_t seed) {
  const int64_t per_crop = model.tokens_per_crop(), length = 1 + per_crop + num_text;
  const at::Tensor text = random_tensor({num_text + 1}, seed, at::kDouble).abs().mul(29).to(at::kLong);
  preprocess::TrainingExample example;
  example.input.input_ids =
      at::cat({at::full({1}, 1, at::kLong), at::full({per_crop}, 32, at::kLong), text.narrow(0, 0, num_text)});
  example.input.position_ids = at::arange(length, at::kLong);
  example.input.images = random_tensor({1, model.vision.num_patches(), model.vision.patch_dim()}, seed + 1000);
  example.input.image_masks = at::full({1, model.vision.num_patches()}, 1.0, at::kFloat);
  example.input.image_input_idx = at::arange(1, per_crop + 1, at::kLong).view({1, per_crop});
  example.labels = at::full({length}, -1, at::kLong);
  example.labels.narrow(0, 1 + per_crop, num_text).copy_(text.narrow(0, 1, num_text));
  example.loss_weights = at::full({length}, 0.0, at::kFloat);
  example.loss_weights.narrow(0, length - num_text / 2, num_text / 2).fill_(1.0);
  return example;
}

inline train::Batch batch_of(const std::vector<preprocess::TrainingExample>& examples) {
  return {preprocess::collate(examples), {}};
}

inline train::Batch text_batch(const config::ModelConfig& model, uint64_t seed) {
  auto one = example(model, 12, seed);
  one.input.images = one.input.image_masks = one.input.image_input_idx = at::Tensor();
  one.input.input_ids = one.input.input_ids.clamp_max(29);
  return batch_of({one});
}

// Patches whose mean is above zero are of class 1, others of class 0; the last crop is padding.
inline train::Batch patch_batch(const config::ModelConfig& model, int64_t num_pictures, uint64_t seed) {
  const int64_t num_patches = model.vision.num_patches();
  train::Batch batch;
  const at::Tensor levels = random_tensor({num_pictures, 2, num_patches, 1}, seed);
  batch.examples.input.images =
      random_tensor({num_pictures, 2, num_patches, model.vision.patch_dim()}, seed + 1) * 0.2 + levels;
  batch.patch_labels = levels.gt(0).to(at::kLong);
  batch.examples.input.images.select(1, 1).select(0, num_pictures - 1).fill_(-1);
  batch.patch_labels.select(1, 1).select(0, num_pictures - 1).fill_(-1);
  batch.examples.input.image_input_idx = at::full({num_pictures, 2, model.tokens_per_crop()}, 0, at::kLong);
  batch.examples.input.image_input_idx.select(1, 1).select(0, num_pictures - 1).fill_(-1);
  return batch;
}

// Largest difference between two sets of weights.
inline double difference(const model::Weights& a, const model::Weights& b) {
  double most = 0;
  for (const auto& [name, weight] : a) most = std::max(most, (weight - b.at(name)).abs().max().item<double>());
  return most;
}

inline model::Weights copy_of(const model::Weights& weights) {
  model::Weights copy;
  for (const auto& [name, weight] : weights) copy[name] = weight.clone();
  return copy;
}

}  // namespace molmo::test
