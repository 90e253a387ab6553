// Self-attention of the decoder: grouped key/value heads, optional bias and q/k norm, rotary positions, key/value
// cache. Ranks of a group have key/value heads each, with the query heads that use them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "config/decoder.h"
#include "model/linear.h"
#include "model/norm.h"
#include "model/rotary.h"

namespace molmo::model {

class KvCache;

// What all layers of one pass share.
struct AttentionInput {
  RotaryAngles angles;
  at::Tensor bias;  // [B or 1, 1, T, S + T]; undefined: causal when nothing is cached, else no restriction
};

class Attention {
 public:
  Attention(const WeightScope& block, const config::DecoderConfig& config);

  // x: [B, T, D] -> [B, T, D]. `cache` may be null.
  at::Tensor forward(const at::Tensor& x, const AttentionInput& input, int64_t layer, KvCache* cache) const;

 private:
  TensorGroup group_;
  int64_t num_heads_, num_kv_heads_, head_dim_;  // of this rank
  Linear qkv_, out_;
  std::optional<RmsNorm> q_norm_, k_norm_;
};

}  // namespace molmo::model
