// Chains of elementwise operators as single passes over memory: on the CPU in float32, and in bfloat16 but for
// rms_norm, the kernels of kernels/training_passes.h, with gradients; elsewhere the chain itself. What concerns experts
// is a kernel only behind packed weights, which have no gradients: passes of training must have the same bits with and
// without them.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>
#include <vector>

#include "model/rotary.h"

namespace molmo::model {

at::Tensor gated(const at::Tensor& up_gate);  // silu(second half) * first half: [..., 2F] -> [..., F]
at::Tensor quick_gelu(const at::Tensor& x);   // x * sigmoid(1.702 x)
// x / sqrt(mean(x^2) + eps) over the last axis, in float32 at least, cast back to the type of x, times the weight.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
// qkv: [B, T, (H + 2 K) A] -> q [B, H, T, A], k and v [B, K, T, A], q and k rotated.
std::tuple<at::Tensor, at::Tensor, at::Tensor> rotate_heads(const at::Tensor& qkv, const RotaryAngles& angles,
                                                            int64_t num_heads, int64_t num_kv_heads);

// Token-expert pairs sorted by expert, so that each expert sees its tokens as one matrix; those of one expert stay in
// order.
struct Routing {
  at::Tensor weights;           // [N, k], of the chosen experts of each token
  at::Tensor token_of_pair;     // [N k], of the sorted ones
  at::Tensor place_of_pair;     // [N k]: where each pair went
  std::vector<int64_t> counts;  // [E] pairs of each expert, on the host: the products' shapes depend on them
};
// logits: [N, E] of a router, of which num_active experts are chosen by their softmax.
Routing route(const at::Tensor& logits, int64_t num_active, bool is_packed);
// rows: [M, D], places: [N k] among them, weights: [N, k] -> [N, D], what each token's k rows add up to.
at::Tensor weighted_sum(const at::Tensor& rows, const at::Tensor& places, const at::Tensor& weights, bool is_packed);

}  // namespace molmo::model
