// AdamW with decay decoupled from the gradient and scaled by the learning rate (arXiv:1711.05101), after clipping each
// component's gradients by their own norm (paper, appendix A.3; reference: olmo/optim.py).
//   AdamW optimizer(parameters, shards, ranks);
//   optimizer.reduce_gradients();    // of value.grad()
//   optimizer.update(stage, learning_rates);
// State of this rank is that of its parts of the parameters (shards.h). A parameter that no rank has a gradient for is
// left alone: no decay, and its moments and its count of updates stay.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "checkpoint/training_state.h"
#include "train/parameters.h"
#include "train/ranks.h"
#include "train/shards.h"
#include "train/trainer.h"

namespace molmo::train {

class AdamW {
 public:
  static constexpr const char* kUpdatesName = "adam_updates";

  // All must outlive the optimizer, and the parameters stay where they are.
  AdamW(std::span<const Parameter> parameters, Shards& shards, const Ranks& ranks);

  // Sums gradients over ranks and measures them. Not finite: the norm of some component is not.
  void reduce_gradients();
  const ByComponent& grad_norms() const { return grad_norms_; }
  bool has_finite_gradients() const;

  // Clips and updates, then lets go of the gradients.
  void update(const config::StageConfig& stage, const ByComponent& learning_rates);
  void drop_gradients();

  // "adam_mean/<name>" and "adam_square/<name>" of the parts, and "adam_updates": how often each parameter was updated,
  // in the order of the parameters.
  std::vector<checkpoint::StateTensor> state() const;

 private:
  struct Moments {
    at::Tensor mean, square;  // of the part, [n]
  };

  std::span<const Parameter> parameters_;
  Shards& shards_;
  const Ranks& ranks_;
  std::vector<Moments> moments_;
  at::Tensor num_updates_;  // [parameters] int64 on the CPU
  ByComponent grad_norms_{};
};

}  // namespace molmo::train
