#include "model/vision_attention.h"

#include "model/attention_core.h"

namespace molmo::model {

VisionAttention::VisionAttention(const WeightScope& scope, const VisionAttentionShape& shape)
    : num_heads_(shape.num_heads),
      wq_(scope, "wq", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wk_(scope, "wk", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wv_(scope, "wv", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wo_(scope, "wo", shape.out, shape.num_heads * shape.head_dim, Bias::Yes) {}

at::Tensor VisionAttention::forward(const at::Tensor& query, const at::Tensor& source) const {
  const at::Tensor q = split_heads(wq_.forward(query), num_heads_);
  const at::Tensor k = split_heads(wk_.forward(source), num_heads_);
  const at::Tensor v = split_heads(wv_.forward(source), num_heads_);
  return wo_.forward(merge_heads(attend(q, k, v, /*bias=*/{}, Causality::Full)));
}

}  // namespace molmo::model
