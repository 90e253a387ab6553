// Normalisation over the last axis. Statistics are float32 at least, whatever the type of the activations.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/weight_scope.h"

namespace molmo::model {

// x / sqrt(mean(x^2) + eps), cast back to the type of x, then times the weight (reference: RMSLayerNorm in
// olmo/model.py).
class RmsNorm {
 public:
  RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps);
  // Over an axis whose parts lie on the ranks of the scope's group: x is one of `part_width`, the mean of the whole.
  RmsNorm(const WeightScope& scope, std::string_view name, int64_t width, int64_t part_width, double eps);
  at::Tensor forward(const at::Tensor& x) const;  // [..., width] -> same

 private:
  at::Tensor weight_;
  int64_t width_;
  double eps_;
  TensorGroup group_;  // that x is spread over
};

class LayerNorm {
 public:
  LayerNorm(const WeightScope& scope, std::string_view name, int64_t width, double eps);
  at::Tensor forward(const at::Tensor& x) const;  // [..., width] -> same

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

}  // namespace molmo::model
