#include "model/embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/where.h>

#include "base/error.h"

namespace molmo::model {

Embedding::Embedding(const WeightScope& scope, const config::DecoderConfig& config)
    : embedding_(scope.get("embedding", {config.embedding_size, config.width})) {
  if (config.additional_vocab_size > 0)
    new_embedding_ = scope.get("new_embedding", {config.additional_vocab_size, config.width});
}

at::Tensor Embedding::forward(const at::Tensor& input_ids) const {
  const int64_t num_rows = embedding_.size(0),
                num_ids = num_rows + (new_embedding_.defined() ? new_embedding_.size(0) : 0);
  if (input_ids.is_cpu() && input_ids.numel() > 0) {
    const int64_t least = input_ids.min().item<int64_t>(), most = input_ids.max().item<int64_t>();
    if (least < -1 || most >= num_ids) {
      fail(ErrorCategory::InvalidArgument, "token id {} was found, the model has ids 0 to {} and -1 for padding",
           least < -1 ? least : most, num_ids - 1);
    }
  }
  const at::Tensor ids = input_ids.clamp_min(0);
  const auto type = activation_type(embedding_);
  const at::Tensor rows = at::embedding(embedding_, ids.clamp_max(num_rows - 1)).to(type);
  if (!new_embedding_.defined()) return rows;
  const at::Tensor new_rows = at::embedding(new_embedding_, (ids - num_rows).clamp_min(0)).to(type);
  return at::where(ids.ge(num_rows).unsqueeze(-1), new_rows, rows);
}

}  // namespace molmo::model
