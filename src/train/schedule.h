// Learning rates: linear warm-up, then half a cosine down to a share of the highest rate, which is kept from there on
// (paper, appendix A.3; reference: CosWithWarmup in olmo/optim.py).
#pragma once

#include <cstdint>

#include "config/training.h"

namespace molmo::train {

struct Decay {
  int64_t end = 1;            // the step at which the cosine ends
  double final_fraction = 0;  // of the highest rate
};

Decay decay_of(const config::StageConfig& stage);

// `step` is 1 for the first update.
double learning_rate(const config::ComponentTraining& component, const Decay& decay, int64_t step);

}  // namespace molmo::train
