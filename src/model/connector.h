// Connector: pools each window of patch features into one visual token and projects it to the width of the decoder
// (paper, section 2; reference: MolmoVisionBackbone in olmo/model.py).
//   Connector connector(root.child("vision_backbone"), config);
//   at::Tensor tokens = connector.forward(features, masks);   // [B, C, P, layers * W], [B, C, P] -> [B, C, Q, D]
// Odd grids are padded at the bottom and right by zero patches, which take part in mean and attention. Holds weights
// only.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <variant>
#include <vector>

#include "config/model.h"
#include "model/linear.h"
#include "model/vision_attention.h"

namespace molmo::model {

// down(silu(gate(x)) * up(x)): w2, w1 and w3 of the reference.
class ProjectorMlp {
 public:
  ProjectorMlp(const WeightScope& scope, int64_t in, int64_t hidden, int64_t out);
  at::Tensor forward(const at::Tensor& x) const;

 private:
  Linear gate_, up_, down_;
};

class Connector {
 public:
  Connector(const WeightScope& scope, const config::ModelConfig& config);

  // masks: share of each patch that is image, 0..1; -1 is the padding of a batch and counts as partly padded, as in the
  // reference.
  at::Tensor forward(const at::Tensor& features, const at::Tensor& masks) const;

 private:
  at::Tensor mark_padding(const at::Tensor& features, const at::Tensor& masks) const;
  at::Tensor windows(const at::Tensor& features) const;  // -> [B * C * Q, window, layers * W]
  at::Tensor pool(const at::Tensor& windows) const;      // -> [B * C * Q, pooled width]
  at::Tensor project(const at::Tensor& pooled) const;

  config::ModelConfig config_;
  at::Tensor pad_embed_;  // [layers * W], two rows for PadAndPartialPad; undefined without
  std::optional<VisionAttention> attention_;
  std::vector<ProjectorMlp> mlps_;  // none: linear; the second is residual
  std::optional<Linear> linear_;
};

}  // namespace molmo::model
