#include "model/vision_attention.h"

#include <vector>

#include "model/attention_core.h"

namespace molmo::model {

VisionAttention::VisionAttention(const WeightScope& scope, const VisionAttentionShape& shape)
    : num_heads_(shape.num_heads),
      wq_(scope, "wq", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wk_(scope, "wk", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wv_(scope, "wv", shape.num_heads * shape.head_dim, shape.in, Bias::Yes),
      wo_(scope, "wo", shape.out, shape.num_heads * shape.head_dim, Bias::Yes) {}

at::Tensor VisionAttention::forward(const at::Tensor& query, const at::Tensor& source) const {
  std::vector<at::Tensor> qkv;
  if (query.is_same(source)) {
    qkv = forward_together({&wq_, &wk_, &wv_}, source);
  } else {
    qkv = forward_together({&wk_, &wv_}, source);
    qkv.insert(qkv.begin(), wq_.forward(query));
  }
  for (at::Tensor& part : qkv) part = split_heads(part, num_heads_);
  const auto attend_all = wq_.is_packed() ? attend_rounded : attend;
  return wo_.forward(merge_heads(attend_all(qkv[0], qkv[1], qkv[2], /*bias=*/{}, Causality::Full)));
}

}  // namespace molmo::model
