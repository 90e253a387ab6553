#include "model/attention_core.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_safe_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cmath>

#include "base/cpu_features.h"

namespace molmo::model {
namespace {

// Up to this many queries the scores are small and the keys are read once per group of heads, without repeating them.
constexpr int64_t kMaxGroupedQueries = 4;

// The G = H / K query heads of a key head become rows of one product: [B, K, G * T, A] x [B, K, A, S].
at::Tensor attend_grouped(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias) {
  const int64_t batch = q.size(0), heads = q.size(1), queries = q.size(2), width = q.size(3);
  const int64_t key_heads = k.size(1), group = heads / key_heads, keys = k.size(2);
  const at::Tensor rows =
      q.reshape({batch, key_heads, group * queries, width}) * (1 / std::sqrt(static_cast<double>(width)));
  at::Tensor scores = at::matmul(rows, k.transpose(2, 3)).to(q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  if (bias.defined()) {
    scores = (scores.view({batch, key_heads, group, queries, keys}) + bias.unsqueeze(1))
                 .view({batch, key_heads, group * queries, keys});
  }
  const at::Tensor weights = at::_safe_softmax(scores, -1).to(v.scalar_type());
  return at::matmul(weights, v).view({batch, heads, queries, width});
}

constexpr int64_t kMaxFusedWidth = 256;

bool needs_gradient(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
}

// Whether kernels/attention.h does it: all that a step of training computes, with gradients or to be computed again.
bool takes_kernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto type = q.scalar_type();
  return q.is_cpu() && (type == at::kFloat || type == at::kBFloat16) && k.scalar_type() == type &&
         v.scalar_type() == type && q.size(3) <= kMaxFusedWidth &&
         (q.size(2) > kMaxGroupedQueries || needs_gradient(q, k, v));
}

// The connector asks one query over each window of a few keys, thousands of times: products of small matrices.
constexpr int64_t kFewKeys = 16;

// Whether kernels/decode_attention.h does it: one token of each example, while generating.
bool is_decoding(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return q.is_cpu() && q.size(2) == 1 && q.scalar_type() == at::kFloat && k.scalar_type() != at::kDouble &&
         k.size(2) > kFewKeys && !needs_gradient(q, k, v);
}

}  // namespace

at::Tensor attend(const at::Tensor& q, const at::Tensor& cached_k, const at::Tensor& cached_v, const at::Tensor& bias,
                  Causality causality) {
  if (is_decoding(q, cached_k, cached_v)) {
    using Signature =
        at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&);
    static const auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("molmo::decode_attention", "").typed<Signature>();
    return op.call(q, cached_k, cached_v, bias.defined() ? std::optional(bias) : std::nullopt);
  }
  const at::Tensor k = cached_k.to(q.scalar_type()), v = cached_v.to(q.scalar_type());
  const bool is_causal = causality == Causality::Causal && q.size(2) > 1;
  if (takes_kernel(q, k, v)) {
    using Signature =
        at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, bool);
    static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("molmo::attention", "").typed<Signature>();
    return op.call(q, k, v, bias.defined() ? std::optional(bias) : std::nullopt, is_causal);
  }
  if (q.size(2) <= kMaxGroupedQueries && !is_causal) return attend_grouped(q, k, v, bias);
  const std::optional<at::Tensor> mask = bias.defined() ? std::optional(bias.to(q.scalar_type())) : std::nullopt;
  return at::scaled_dot_product_attention(q, k, v, mask, /*dropout_p=*/0, is_causal, /*scale=*/std::nullopt,
                                          /*enable_gqa=*/q.size(1) != k.size(1));
}

at::Tensor attend_rounded(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias,
                          Causality causality) {
  const bool is_faster = cpu_features().amx_bf16 && q.scalar_type() == at::kFloat && q.size(2) > kMaxGroupedQueries &&
                         k.size(2) > kFewKeys && q.size(3) <= kMaxFusedWidth && !needs_gradient(q, k, v);
  if (!is_faster) return attend(q, k, v, bias, causality);
  return attend(q.to(at::kBFloat16), k.to(at::kBFloat16), v.to(at::kBFloat16), bias, causality).to(at::kFloat);
}

at::Tensor split_heads(const at::Tensor& x, int64_t num_heads) {
  return x.view({x.size(0), x.size(1), num_heads, x.size(2) / num_heads}).transpose(1, 2);
}

at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

}  // namespace molmo::model
