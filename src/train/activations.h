// What the backward pass keeps of a forward pass, estimated layer by layer. Letters: D width, F hidden width of an MLP,
// A width of all heads, K that of key and value heads, W width of the tower, M its hidden width.
#pragma once

#include <cstdint>

#include "config/model.h"
#include "config/training.h"

namespace molmo::train {

struct ActivationShape {
  int64_t num_examples = 1;  // of a micro-batch, each as long as the stage's sequence_length
  int64_t num_crops = 0;     // of each
};

uint64_t activation_bytes(const config::TrainingConfig& config, const config::StageConfig& stage,
                          const config::ModelConfig& model, const ActivationShape& shape);

}  // namespace molmo::train
