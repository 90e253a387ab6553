#include "model/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/square.h>

#include "model/fused.h"

namespace molmo::model {

RmsNorm::RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps)
    : weight_(scope.child(name).get_small("weight", {width})), width_(width), eps_(eps) {}

RmsNorm::RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, int64_t part_width, double eps)
    : weight_(scope.child(name).get_small("weight", {part_width})), width_(width), eps_(eps), group_(scope.group()) {}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  if (group_.is_alone()) return rms_norm(x, weight_, eps_);
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  // The sum is of all ranks, and what each of them does with it comes back into its gradient.
  const at::Tensor squares = group_.spread(group_.sum(at::square(wide).sum(-1, /*keepdim=*/true)));
  const at::Tensor factor = at::rsqrt(squares / static_cast<double>(width_) + eps_);
  return (wide * factor).to(x.scalar_type()) * weight_.to(x.scalar_type());
}

LayerNorm::LayerNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps)
    : weight_(scope.child(name).get_small("weight", {width})),
      bias_(scope.child(name).get_small("bias", {width})),
      eps_(eps) {}

at::Tensor LayerNorm::forward(const at::Tensor& x) const {
  const auto type = x.scalar_type();
  return at::layer_norm(x, weight_.sizes(), weight_.to(type), bias_.to(type), eps_);
}

}  // namespace molmo::model
