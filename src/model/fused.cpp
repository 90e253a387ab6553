#include "model/fused.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/square.h>

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

}  // namespace molmo::model
