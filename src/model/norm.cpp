#include "model/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/square.h>

namespace molmo::model {

RmsNorm::RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps)
    : weight_(scope.child(name).get_small("weight", {width})), eps_(eps) {}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  const at::Tensor wide = x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  const at::Tensor factor = at::rsqrt(at::mean(at::square(wide), -1, /*keepdim=*/true) + eps_);
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
