// Trades time for memory: a block's activations are dropped after the forward pass and computed again when the backward
// pass reaches the block. Gradients are the same bits.
#pragma once

#include "model/molmo.h"

namespace molmo::train {

// block(x), remembering x alone. The block must give the same values when it runs again, and may run after this call
// has returned. Gradients of weights that the block uses accumulate into them.
at::Tensor recompute_in_backward(const std::function<at::Tensor(const at::Tensor&)>& block, const at::Tensor& x);

}  // namespace molmo::train
