// Chains of elementwise operators as single passes over memory: on the CPU in float32, and in bfloat16 but for
// rms_norm, the kernels of kernels/training_passes.h, with gradients; elsewhere the chain itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <tuple>

#include "model/rotary.h"

namespace molmo::model {

at::Tensor gated(const at::Tensor& up_gate);  // silu(second half) * first half: [..., 2F] -> [..., F]
at::Tensor quick_gelu(const at::Tensor& x);   // x * sigmoid(1.702 x)
// x / sqrt(mean(x^2) + eps) over the last axis, in float32 at least, cast back to the type of x, times the weight.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
// qkv: [B, T, (H + 2 K) A] -> q [B, H, T, A], k and v [B, K, T, A], q and k rotated.
std::tuple<at::Tensor, at::Tensor, at::Tensor> rotate_heads(const at::Tensor& qkv, const RotaryAngles& angles,
                                                            int64_t num_heads, int64_t num_kv_heads);

}  // namespace molmo::model
