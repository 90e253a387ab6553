// Losses that keep the experts of a mixture busy (reference: batched_load_balancing_loss of its GPU package):
//   balance  weight * E / (L N k) * sum over layers and experts of (tokens routed to e) * (mean probability of e)
//   z        weight / (L N k) * sum over layers and tokens of logsumexp(router logits)^2
// with L layers, N tokens of a micro-batch (padding included), E experts, k of them per token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "config/decoder.h"

namespace molmo::train {

class RouterLoss {
 public:
  // Weights are those of the configuration over the number of micro-batches, whose losses are averaged.
  RouterLoss(const config::DecoderConfig& decoder, double balance_weight, double z_weight);

  // For LayerHooks::after_router: takes the loss of the layer, and adds its gradient to what the logits, [B, T, E], get
  // in the backward pass. A block that is computed again may call it again.
  void add(int64_t layer, const at::Tensor& router_logits);

  double balance() const;
  double z() const;

 private:
  struct Terms {
    double balance = 0, z = 0;
  };
  config::DecoderConfig decoder_;
  double balance_weight_, z_weight_;
  std::vector<Terms> layers_;
};

}  // namespace molmo::train
