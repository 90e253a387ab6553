#include "model/decoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "model/attention_mask.h"
#include "model/kv_cache.h"

namespace molmo::model {
namespace {

std::variant<Mlp, Moe> make_feed_forward(const WeightScope& scope, const config::DecoderConfig& config) {
  if (config.has_experts()) return Moe(scope, config);
  return Mlp(scope, config);
}

}  // namespace

DecoderBlock::DecoderBlock(const WeightScope& scope, const config::DecoderConfig& config)
    : has_norm_after_(config.has_norm_after),
      attention_(scope, config),
      attn_norm_(scope, "attn_norm", config.width, config.norm_eps),
      ff_norm_(scope, "ff_norm", config.width, config.norm_eps),
      feed_forward_(make_feed_forward(scope, config)) {}

at::Tensor DecoderBlock::feed_forward(const at::Tensor& x, int64_t layer, const LayerHooks& hooks) const {
  if (const Mlp* mlp = std::get_if<Mlp>(&feed_forward_)) return mlp->forward(x);
  return std::get<Moe>(feed_forward_).forward(x, [&](const at::Tensor& router_logits) {
    if (hooks.after_router) hooks.after_router(layer, router_logits);
  });
}

at::Tensor DecoderBlock::forward(const at::Tensor& x, const AttentionInput& input, int64_t layer, KvCache* cache,
                                 const LayerHooks& hooks) const {
  const auto residual = [&](Sublayer sublayer, const at::Tensor& output) {
    return hooks.on_residual ? hooks.on_residual(layer, sublayer, output) : output;
  };
  if (has_norm_after_) {
    const at::Tensor attended = attn_norm_.forward(attention_.forward(x, input, layer, cache));
    const at::Tensor y = x + residual(Sublayer::Attention, attended);
    return y + residual(Sublayer::FeedForward, ff_norm_.forward(feed_forward(y, layer, hooks)));
  }
  const at::Tensor attended = attention_.forward(attn_norm_.forward(x), input, layer, cache);
  const at::Tensor y = x + residual(Sublayer::Attention, attended);
  return y + residual(Sublayer::FeedForward, feed_forward(ff_norm_.forward(y), layer, hooks));
}

Decoder::Decoder(const WeightScope& transformer, const config::DecoderConfig& config, at::Device device)
    : rotary_(config.rope_theta, config.head_dim, device),
      last_norm_(transformer, "ln_f", config.width, config.norm_eps) {
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    blocks_.emplace_back(transformer.child(fmt::format("blocks.{}", layer)), config);
  }
}

AttentionInput Decoder::attention_input(const at::Tensor& x, const DecodeOptions& options, int64_t num_cached) const {
  const int64_t num_tokens = x.size(1), num_keys = num_cached + num_tokens;
  const auto options_of_ids = x.options().dtype(at::kLong);
  at::Tensor position_ids = options.position_ids;
  if (!position_ids.defined()) position_ids = at::arange(num_cached, num_keys, options_of_ids).unsqueeze(0);
  at::Tensor bias = options.attention_bias;
  if (bias.defined() &&
      (bias.dim() != 4 || bias.size(1) != 1 || bias.size(2) != num_tokens || bias.size(3) != num_keys)) {
    fail(ErrorCategory::InvalidArgument, "attention_bias is [{}], expected [{}, 1, {}, {}]",
         fmt::join(bias.sizes(), ", "), x.size(0), num_tokens, num_keys);
  }
  // Several tokens behind a cache: the causal pattern is no longer a square.
  if (!bias.defined() && num_cached > 0 && num_tokens > 1) {
    bias = causal_bias(at::ones({1, num_keys}, options_of_ids.dtype(at::kBool)), num_tokens);
  }
  return {.angles = rotary_.angles(position_ids), .bias = bias};
}

at::Tensor Decoder::forward(const at::Tensor& x, const DecodeOptions& options, KvCache* cache) const {
  const AttentionInput input = attention_input(x, options, cache == nullptr ? 0 : cache->length());
  at::Tensor hidden = x;
  for (int64_t layer = 0; layer < static_cast<int64_t>(blocks_.size()); ++layer) {
    if (options.hooks.before_block) options.hooks.before_block(layer);
    // Owns what it needs: it may run again after this call has returned.
    const auto forward = [this, input, layer, cache, hooks = options.hooks](const at::Tensor& block_input) {
      return blocks_[layer].forward(block_input, input, layer, cache, hooks);
    };
    hidden = options.hooks.run_block ? options.hooks.run_block(layer, forward, hidden) : forward(hidden);
    if (options.hooks.after_block) options.hooks.after_block(layer, hidden);
  }
  return last_norm_.forward(hidden);
}

}  // namespace molmo::model
