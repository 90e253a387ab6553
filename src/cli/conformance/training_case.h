// A training fixture of a miniature model: its batch, its settings, and what training on it gives.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/conformance/model_case.h"
#include "config/training.h"
#include "model/parameter_table.h"
#include "preprocess/packing.h"
#include "train/objective.h"
#include "train/trainer.h"

namespace molmo::conformance {

// By the name that the reference's parameter has: there all experts of a block share one tensor.
using NamedTensors = std::map<std::string, at::Tensor>;

struct FirstStep {
  train::Losses losses;
  double loss_weight = 0;
  NamedTensors gradients;  // before clipping; parameters without any are missing
};

// What the positions of the batch give, before any update. Letters as in model/molmo.h.
struct PositionLosses {
  at::Tensor cross_entropy, z_loss, accuracy;  // [B, T], with the weights of the loss; 0 where there is none
  at::Tensor last_logits;                      // [8, V] of the last positions of the first row that are not padding
  std::vector<at::Tensor> router_logits;       // per layer, [B T, E]
  std::vector<at::Tensor> tokens_per_expert;   // per layer, [E] int64
};

class TrainingCase {
 public:
  // `document`: train.json or train_aux.json, of which the inputs are read.
  TrainingCase(ModelCase& model_case, const Json& document);

  const preprocess::TrainingExample& batch() const { return batch_; }
  const std::vector<int64_t>& num_crops() const { return num_crops_; }  // of each example
  const config::TrainingConfig& config() const { return config_; }
  const config::StageConfig& stage() const { return config_.stages[0]; }
  const config::ModelConfig& model() const { return case_.config(); }

  FirstStep first_step() const;
  PositionLosses position_losses() const;
  train::Trainer trainer() const;
  std::vector<train::Batch> micro_batches() const;

  // By reference name, of tensors with the names of the model's weights.
  NamedTensors by_reference_name(const model::Weights& tensors) const;
  std::map<std::string, model::Component> components() const;

 private:
  void read_examples(const Json& document);
  void read_settings(const Json& document);

  ModelCase& case_;
  preprocess::TrainingExample batch_;
  std::vector<int64_t> num_crops_;
  int64_t micro_batch_ = 1;
  config::TrainingConfig config_;
};

// A value of an object, and how far the expected one may lie from it.
struct Field {
  std::string key;
  Json value;
  Tolerance tolerance{};
};
// Answers the fields that the object has, or all of them where it was emptied as a whole.
void answer_fields(const Place& place, const std::vector<Field>& fields);

// Cross-entropy, z-loss, accuracy and router losses.
void answer_training_losses(const Place& place, const TrainingCase& training, const FirstStep& step,
                            const Tolerance& tolerance);

}  // namespace molmo::conformance
