// Gated MLPs: down(silu(gate(x)) * up(x)).
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "config/decoder.h"
#include "model/linear.h"

namespace molmo::model {

at::Tensor gate(const at::Tensor& gate, const at::Tensor& up);  // silu(gate) * up

// Applies `function` to the rows of x, [..., in] -> [..., out], a block of rows at a time: the hidden activations of an
// MLP, many times the size of its input, stay bounded. Not in training, which keeps them, and adds up the gradients of
// its weights once per product.
at::Tensor in_row_blocks(const at::Tensor& x, bool is_trained,
                         const std::function<at::Tensor(const at::Tensor& rows)>& function);

// MLP of a dense decoder block. ff_proj holds the rows of `up` first, then those of `gate`.
class Mlp {
 public:
  Mlp(const WeightScope& block, const config::DecoderConfig& config);
  at::Tensor forward(const at::Tensor& x) const;  // [B, T, D] -> [B, T, D]

 private:
  TensorGroup group_;  // whose ranks have neurons each
  Linear up_gate_, down_;
};

}  // namespace molmo::model
