// Blocks whose backward pass is one node of the graph. It can trade time for memory: a block's activations are dropped
// after the forward pass and computed again when the backward pass reaches the block; gradients are the same bits.
#pragma once

#include "model/molmo.h"

namespace molmo::train {

// Called around the passes of a block; empty functions are not called.
struct BlockHooks {
  std::function<void()> before_forward, after_forward, before_backward, after_backward;
};

// block(x). Gradients of weights that the block uses accumulate into them, all of them before `after_backward`. With
// `recomputes` x alone is remembered: the block must give the same values when it runs again, and may run after this
// call has returned.
at::Tensor run_as_one_node(const std::function<at::Tensor(const at::Tensor&)>& block, const at::Tensor& x,
                           bool recomputes, const BlockHooks& hooks = {});

inline at::Tensor recompute_in_backward(const std::function<at::Tensor(const at::Tensor&)>& block,
                                        const at::Tensor& x) {
  return run_as_one_node(block, x, /*recomputes=*/true);
}

}  // namespace molmo::train
