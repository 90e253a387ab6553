// One stage of training on this rank: the weights, their optimizer, and the step (paper, section 4 and appendix A.3;
// reference: olmo/train.py, olmo/optim.py).
//   Trainer trainer(config, /*stage=*/0, initial.config, initial.load_all());
//   if (saved) saved->read(trainer.state());
//   StepMetrics metrics = trainer.step(step, micro_batches);
// A step: forward and loss of each micro-batch, backward, reduction over ranks, clipping by component, AdamW. Nothing
// else is state than what state() names: dropout comes from (seed, step), learning rates from the step.
// Letters: B examples, T tokens, C crops, P patches. Weights and optimizer are float32; one thread calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/training_state.h"
#include "config/training.h"
#include "model/molmo.h"
#include "preprocess/packing.h"

namespace molmo::train {

struct Ranks;

// A micro-batch. Its crops are padded to the most of an example, [B, C, ...], or joined without any padding, [1, N,
// ...] for the N crops of all of them, with image_input_idx counted through all tokens, [B * T].
struct Batch {
  preprocess::TrainingExample examples;  // collated, with the axis B in front
  at::Tensor patch_labels;               // [B, C, P, K] int64 of K label maps, -1 for none; of patch_labels only
};

// By model::Component: vision, connector, language.
using ByComponent = std::array<double, 3>;

struct StepMetrics {
  double loss = 0;           // what is minimised: the terms below with their weights
  double cross_entropy = 0;  // sum over the global batch of weight * loss, over the sum of the weights
  double z_loss = 0;         // with its weight, as cross_entropy
  double accuracy = 0;       // weighted share of targets that were the likeliest token (or class)
  std::optional<double> router_balance_loss, router_z_loss;  // with their weights; mixtures of experts only
  double loss_weight = 0;                                    // sum over the global batch
  int64_t num_tokens = 0;                                    // that are not padding, over the global batch
  int64_t num_crops = 0;                                     // likewise
  ByComponent grad_norms{}, learning_rates{};                // before clipping; 0 for what is frozen
  bool is_skipped = false;                                   // the loss or a gradient was not finite: no weight changed
};

class Trainer {
 public:
  // `weights` hold every parameter of the model in any floating point type; the ones that are trained are copied to
  // float32. Throws InvalidArgument for settings that do not fit the model.
  // `ranks` are the processes of the run (ranks.h); null for one process. All of them call the same functions in the
  // same order. Everything is computed on `device`, wherever the weights and batches are.
  Trainer(const config::TrainingConfig& config, size_t stage, const config::ModelConfig& model,
          const model::Weights& weights, std::shared_ptr<const Ranks> ranks = nullptr, at::Device device = at::kCPU);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // `step` is 1 for the first update of the stage. The micro-batches are this rank's share of the global batch.
  // Throws BadData at a loss that is not finite where the policy says stop.
  StepMetrics step(int64_t step, std::span<const Batch> micro_batches);

  // Losses without gradients and dropout. With `shuffle_pictures` every example gets the pictures of another one of
  // its micro-batch: a model that looks does worse then.
  StepMetrics evaluate(std::span<const Batch> micro_batches, bool shuffle_pictures = false) const;

  // What this rank keeps of a saved state, as views: weights that are trained, moments of the optimizer.
  std::vector<checkpoint::StateTensor> state();
  // What it saves of that, so that all ranks together save everything once.
  std::vector<checkpoint::StateTensor> share_of_state();
  void read_state(const checkpoint::SavedState& saved);

  // All weights as they are now, by native name, for export and for the next stage. With adapters: the base weights. Of
  // several ranks the first one gets them, copied to the CPU where they are spread over ranks, and the others nothing.
  model::Weights weights() const;
  // The low-rank updates that are trained; empty without. As weights().
  model::Adapter adapter() const;
  const config::ModelConfig& model_config() const;

  // The rows of the classes of all label maps [sum of patch_classes, feature width] and their bias, of patch_labels.
  // As weights().
  model::Weights patch_head() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::train
