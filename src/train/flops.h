// The arithmetic of a training step, for the share of a machine's peak that training uses (MFU): multiplications and
// additions of matrix products, counted as 2, of which the backward pass has twice as many as the forward pass.
// Counted as if all weights were trained, attention in full (also what the mask leaves out), and without activations
// that are computed again.
#pragma once

#include <cstdint>

#include "config/model.h"
#include "config/training.h"

namespace molmo::train {

// What went through the model in a step, padding left out.
struct StepWork {
  int64_t num_tokens = 0;
  int64_t num_crops = 0;
  int64_t tokens_per_example = 0;  // on average: attention grows with its square
};

double step_flops(const config::ModelConfig& model, config::Objective objective, const StepWork& work);

}  // namespace molmo::train
