#include "train/schedule.h"

#include <cmath>
#include <numbers>

namespace molmo::train {

Decay decay_of(const config::StageConfig& stage) {
  return {.end = stage.decay_steps.value_or(stage.steps), .final_fraction = stage.final_learning_rate_fraction};
}

double learning_rate(const config::ComponentTraining& component, const Decay& decay, int64_t step) {
  const double highest = component.learning_rate, lowest = highest * decay.final_fraction;
  const auto steps = static_cast<double>(step), warmup = static_cast<double>(component.warmup_steps);
  if (step < component.warmup_steps) {
    const double start = component.warmup_start.value_or(highest * 0.1);
    return start + (highest - start) * steps / warmup;
  }
  if (step >= decay.end) return lowest;
  const double passed = (steps - warmup) / (static_cast<double>(decay.end) - warmup);
  return lowest + (highest - lowest) * (1 + std::cos(std::numbers::pi * passed)) / 2;
}

}  // namespace molmo::train
