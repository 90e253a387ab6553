// Mixture of experts without dropping: every token goes to its k best experts (paper, appendix A.2: OLMoE).
// Router weights are a softmax over all experts, not normalised again over the chosen ones.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <initializer_list>
#include <vector>

#include "config/decoder.h"
#include "model/linear.h"

namespace molmo::model {

class Moe {
 public:
  Moe(const WeightScope& block, const config::DecoderConfig& config);

  // x: [B, T, D] -> [B, T, D]. Touches the weights of the chosen experts only. on_router gets the logits [B, T, E]; may
  // be empty.
  at::Tensor forward(const at::Tensor& x, const std::function<void(const at::Tensor& router_logits)>& on_router) const;

 private:
  struct Expert {
    Expert(const WeightScope& scope, int64_t width, int64_t mlp_width);
    Linear gate_proj, up_proj, down_proj;
  };
  // Some of the layers of `experts` on rows sorted by expert, see forward_grouped().
  at::Tensor forward_all(std::initializer_list<Linear Expert::*> sets, const std::vector<size_t>& experts,
                         const at::Tensor& rows, at::IntArrayRef counts) const;

  TensorGroup group_;  // whose ranks have neurons of every expert
  int64_t num_active_;
  Linear router_;
  std::vector<Expert> experts_;
};

}  // namespace molmo::model
