#include "model/fused.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/square.h>
#include <ATen/ops/topk.h>

#include <numeric>

#include "model/attention_core.h"

namespace molmo::model {
namespace {

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

// Whether the kernels take this tensor: as values between two products, or of a norm.
bool is_fused(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}
bool is_fused_norm(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat;
}

// Weights and numbers of the experts of each token, [N, k] both.
std::tuple<at::Tensor, at::Tensor> choose_experts(const at::Tensor& logits, int64_t num_active, bool is_packed) {
  if (is_packed && is_fused_norm(logits)) {
    static const auto op =
        find<std::tuple<at::Tensor, at::Tensor>(const at::Tensor&, int64_t)>("molmo::choose_experts");
    return op.call(logits.contiguous(), num_active);
  }
  const bool is_double = logits.scalar_type() == at::kDouble;
  return at::topk(at::softmax(logits, -1, is_double ? at::kDouble : at::kFloat), num_active, -1);
}

Routing sort_by_expert(const at::Tensor& weights, const at::Tensor& chosen, int64_t num_experts) {
  const at::Tensor experts = chosen.cpu().contiguous();
  const int64_t num_pairs = experts.numel(), num_active = experts.size(1);
  const int64_t* expert_of_pair = experts.const_data_ptr<int64_t>();
  Routing routing{weights, at::empty({num_pairs}, experts.options()), at::empty({num_pairs}, experts.options()),
                  std::vector<int64_t>(static_cast<size_t>(num_experts))};
  std::vector<int64_t> next(routing.counts.size());
  for (int64_t pair = 0; pair < num_pairs; ++pair) ++routing.counts[static_cast<size_t>(expert_of_pair[pair])];
  std::exclusive_scan(routing.counts.begin(), routing.counts.end(), next.begin(), int64_t{0});
  int64_t* token_of_pair = routing.token_of_pair.mutable_data_ptr<int64_t>();
  int64_t* place_of_pair = routing.place_of_pair.mutable_data_ptr<int64_t>();
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    const int64_t place = next[static_cast<size_t>(expert_of_pair[pair])]++;
    token_of_pair[place] = pair / num_active;
    place_of_pair[pair] = place;
  }
  routing.token_of_pair = routing.token_of_pair.to(chosen.device());
  routing.place_of_pair = routing.place_of_pair.to(chosen.device());
  return routing;
}

}  // namespace

at::Tensor gated(const at::Tensor& up_gate) {
  if (is_fused(up_gate)) {
    static const auto op = find<at::Tensor(const at::Tensor&)>("molmo::gated");
    return op.call(up_gate);
  }
  const auto halves = up_gate.chunk(2, -1);
  return at::silu(halves[1]) * halves[0];
}

at::Tensor quick_gelu(const at::Tensor& x) {
  if (!is_fused(x)) return x * at::sigmoid(x * 1.702);
  static const auto op = find<at::Tensor(const at::Tensor&)>("molmo::quick_gelu");
  return op.call(x);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  if (is_fused_norm(x) && is_fused_norm(weight)) {
    static const auto op = find<at::Tensor(const at::Tensor&, const at::Tensor&, double)>("molmo::rms_norm");
    return op.call(x, weight, eps);
  }
  if (x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat)
    return std::get<0>(at::_fused_rms_norm(x, weight.sizes(), weight, eps));
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  const at::Tensor factor = at::rsqrt(at::mean(at::square(wide), -1, /*keepdim=*/true) + eps);
  return (wide * factor).to(x.scalar_type()) * weight.to(x.scalar_type());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rotate_heads(const at::Tensor& qkv, const RotaryAngles& angles,
                                                            int64_t num_heads, int64_t num_kv_heads) {
  if (is_fused(qkv)) {
    using Signature = std::tuple<at::Tensor, at::Tensor, at::Tensor>(const at::Tensor&, const at::Tensor&,
                                                                     const at::Tensor&, int64_t, int64_t);
    static const auto op = find<Signature>("molmo::rotate_heads");
    return op.call(qkv, angles.cos, angles.sin, num_heads, num_kv_heads);
  }
  const int64_t head_dim = qkv.size(2) / (num_heads + 2 * num_kv_heads);
  const int64_t num_rotated = num_heads + num_kv_heads;
  const at::Tensor rotated = rotate(split_heads(qkv.narrow(2, 0, num_rotated * head_dim), num_rotated), angles);
  return {rotated.narrow(1, 0, num_heads), rotated.narrow(1, num_heads, num_kv_heads),
          split_heads(qkv.narrow(2, num_rotated * head_dim, num_kv_heads * head_dim), num_kv_heads)};
}

Routing route(const at::Tensor& logits, int64_t num_active, bool is_packed) {
  const auto [weights, chosen] = choose_experts(logits, num_active, is_packed);
  return sort_by_expert(weights, chosen, logits.size(1));
}

at::Tensor weighted_sum(const at::Tensor& rows, const at::Tensor& places, const at::Tensor& weights, bool is_packed) {
  if (is_packed && is_fused_norm(rows)) {
    using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&);
    static const auto op = find<Signature>("molmo::weighted_sum");
    return op.call(rows.contiguous(), places, weights.contiguous());
  }
  const at::Tensor pairs = rows.index_select(0, places).view({weights.size(0), weights.size(1), rows.size(1)});
  return at::matmul(weights.unsqueeze(1), pairs).squeeze(1);
}

}  // namespace molmo::model
