// Multi-head attention with biases, of the vision tower's blocks and of the connector's pooling (reference:
// ViTMultiHeadDotProductAttention in olmo/image_vit.py).
#pragma once

#include <ATen/core/Tensor.h>

#include "model/linear.h"

namespace molmo::model {

struct VisionAttentionShape {
  int64_t in = 0;  // width of queries, keys and values before projection
  int64_t num_heads = 0;
  int64_t head_dim = 0;
  int64_t out = 0;
};

class VisionAttention {
 public:
  // Takes wq, wk, wv [num_heads * head_dim, in] and wo [out, num_heads * head_dim], each with a bias.
  VisionAttention(const WeightScope& scope, const VisionAttentionShape& shape);

  // query: [N, T, in], source: [N, S, in] -> [N, T, out].
  at::Tensor forward(const at::Tensor& query, const at::Tensor& source) const;

 private:
  int64_t num_heads_;
  Linear wq_, wk_, wv_, wo_;
};

}  // namespace molmo::model
