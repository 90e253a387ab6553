#include "model/norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>

#include "model/fused.h"

namespace molmo::model {

RmsNorm::RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps)
    : weight_(scope.child(name).get_small("weight", {width})), eps_(eps) {}

at::Tensor RmsNorm::forward(const at::Tensor& x) const {
  return rms_norm(x, weight_, eps_);
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
