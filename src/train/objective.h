// Forward pass, loss and backward pass of a micro-batch, for every objective of config::Objective.
//   Objective objective({.config = config, .stage = stage, .molmo = molmo, ...});
//   Losses losses = objective.run(batch, pass);      // gradients accumulate in the weights
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "config/training.h"
#include "model/molmo.h"
#include "train/dropout.h"
#include "train/loss.h"
#include "train/trainer.h"

namespace molmo::train {

class Shards;

// What a micro-batch has, before anything is computed.
struct BatchContents {
  double loss_weight = 0;
  int64_t num_tokens = 0, num_crops = 0;  // that are not padding
};

// What all micro-batches of a step share.
struct Pass {
  double loss_weight = 1;               // of the global batch
  double num_micro_batches = 1;         // of the global batch
  std::optional<DropoutKey> dropout{};  // empty: none
  bool shuffles_pictures = false;
};

// Each is what the micro-batch adds to the loss of the global batch.
struct Losses {
  LossSums sums;
  double router_balance = 0, router_z = 0;

  Losses& operator+=(const Losses& other);
};

class Objective {
 public:
  // All must outlive the objective. patch_head: "patch_head.weight" [classes, features] and "patch_head.bias", of the
  // objective patch_labels.
  // Blocks of the decoder run through `shards`, which holds their weights. vocabulary: which rows of it `molmo` has.
  Objective(const config::TrainingConfig& config, const config::StageConfig& stage, const model::Molmo& molmo,
            const model::Weights& patch_head, Shards& shards, const ClassParts& vocabulary = {});

  BatchContents contents(const Batch& batch) const;

  // Gradients are made where they are enabled. Throws InvalidArgument for a batch without the objective's tensors.
  Losses run(const Batch& batch, const Pass& pass) const;

 private:
  Losses run_tokens(const Batch& batch, const Pass& pass) const;
  Losses run_patches(const Batch& batch, const Pass& pass) const;
  at::Tensor embed(const Batch& batch, bool shuffles_pictures) const;  // [B, T, D]
  at::Tensor vision_features(const Batch& batch, bool shuffles_pictures) const;
  model::DecodeOptions decode_options(const Batch& batch) const;
  using Block = std::function<at::Tensor(const at::Tensor&)>;
  std::function<Block(const Block&)> autocast_block() const;
  model::RunBlock run_vision_block() const;
  model::RunBlock run_decoder_block(bool is_trained) const;
  at::Tensor on_device(const at::Tensor& tensor) const;

  const config::StageConfig& stage_;
  const model::Molmo& molmo_;
  const model::Weights& patch_head_;
  Shards& shards_;
  ClassParts vocabulary_;
  bool recomputes_;
  std::optional<at::ScalarType> compute_type_;  // of matrix products, where it is not that of the weights
};

}  // namespace molmo::train
