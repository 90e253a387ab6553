#include "model/attention.h"

#include <ATen/ops/cat.h>

#include "model/attention_core.h"
#include "model/fused.h"
#include "model/kv_cache.h"

namespace molmo::model {

Attention::Attention(const WeightScope& block, const config::DecoderConfig& config)
    : group_(block.group()),
      num_heads_(group_.part_size(config.num_kv_heads) * (config.num_heads / config.num_kv_heads)),
      num_kv_heads_(group_.part_size(config.num_kv_heads)),
      head_dim_(config.head_dim),
      qkv_(block, "att_proj", (num_heads_ + 2 * num_kv_heads_) * head_dim_, config.width,
           config.has_qkv_bias ? Bias::Yes : Bias::No),
      out_(block, "attn_out", config.width, num_heads_ * head_dim_) {
  if (!config.has_qk_norm) return;
  q_norm_.emplace(block, "q_norm", config.num_heads * head_dim_, num_heads_ * head_dim_, config.norm_eps);
  k_norm_.emplace(block, "k_norm", config.kv_width(), num_kv_heads_ * head_dim_, config.norm_eps);
}

at::Tensor Attention::forward(const at::Tensor& x, const AttentionInput& input, int64_t layer, KvCache* cache) const {
  at::Tensor qkv = qkv_.forward(group_.spread(x));
  if (q_norm_) {
    const int64_t q_width = num_heads_ * head_dim_, kv_width = num_kv_heads_ * head_dim_;
    qkv = at::cat({q_norm_->forward(qkv.narrow(2, 0, q_width)),  // over all heads together
                   k_norm_->forward(qkv.narrow(2, q_width, kv_width)), qkv.narrow(2, q_width + kv_width, kv_width)},
                  2);
  }
  auto [q, k, v] = rotate_heads(qkv, input.angles, num_heads_, num_kv_heads_);
  const bool is_first = cache == nullptr || cache->length() == 0;
  // Behind packed weights rounding to 16 bits is lost in theirs, and a token reads half as much.
  const auto wanted = qkv_.is_packed() ? std::optional(at::kHalf) : std::nullopt;
  if (cache != nullptr) std::tie(k, v) = cache->append(layer, k, v, wanted);
  const bool is_causal = !input.bias.defined() && is_first;
  const Causality causality = is_causal ? Causality::Causal : Causality::Full;
  const auto attend_all = qkv_.is_packed() ? attend_rounded : attend;
  return group_.sum(out_.forward(merge_heads(attend_all(q, k, v, input.bias, causality))));
}

}  // namespace molmo::model
