// Decoder: a causal transformer whose blocks are dense (Qwen2, OLMo) or mixtures of experts (OLMoE), with the norms
// before or, for OLMo-1024, after each sublayer (reference: OLMoBlock and its kinds in olmo/model.py).
#pragma once

#include <ATen/core/Tensor.h>

#include <variant>
#include <vector>

#include "config/decoder.h"
#include "model/attention.h"
#include "model/mlp.h"
#include "model/moe.h"
#include "model/molmo.h"

namespace molmo::model {

class DecoderBlock {
 public:
  DecoderBlock(const WeightScope& scope, const config::DecoderConfig& config);
  at::Tensor forward(const at::Tensor& x, const AttentionInput& input, int64_t layer, KvCache* cache,
                     const LayerHooks& hooks) const;

 private:
  at::Tensor feed_forward(const at::Tensor& x, int64_t layer, const LayerHooks& hooks) const;

  bool has_norm_after_;
  Attention attention_;
  RmsNorm attn_norm_, ff_norm_;
  std::variant<Mlp, Moe> feed_forward_;
};

class Decoder {
 public:
  Decoder(const WeightScope& transformer, const config::DecoderConfig& config, at::Device device);

  // x: [B, T, D] -> hidden state after the last norm, [B, T, D].
  at::Tensor forward(const at::Tensor& x, const DecodeOptions& options, KvCache* cache) const;

 private:
  AttentionInput attention_input(const at::Tensor& x, const DecodeOptions& options, int64_t num_cached) const;

  Rotary rotary_;
  std::vector<DecoderBlock> blocks_;
  RmsNorm last_norm_;
};

}  // namespace molmo::model
