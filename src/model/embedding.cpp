#include "model/embedding.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>

#include "base/error.h"

namespace molmo::model {

Embedding::Embedding(const WeightScope& scope, const config::DecoderConfig& config)
    : group_(scope.group()),
      num_rows_(config.embedding_size),
      embedding_(scope.get_matrix("embedding", group_.part_size(num_rows_), config.width, MatrixUse::Rows)) {
  if (config.additional_vocab_size > 0)
    new_embedding_ = scope.get_matrix("new_embedding", config.additional_vocab_size, config.width, MatrixUse::Rows);
}

at::Tensor Embedding::forward(const at::Tensor& input_ids) const {
  const int64_t num_ids = num_rows_ + new_embedding_.out();
  if (input_ids.is_cpu() && input_ids.numel() > 0) {
    const int64_t least = input_ids.min().item<int64_t>(), most = input_ids.max().item<int64_t>();
    if (least < -1 || most >= num_ids) {
      fail(ErrorCategory::InvalidArgument, "token id {} was found, the model has ids 0 to {} and -1 for padding",
           least < -1 ? least : most, num_ids - 1);
    }
  }
  const at::Tensor ids = input_ids.clamp_min(0);
  const at::Tensor rows = table_rows(ids.clamp_max(num_rows_ - 1));
  if (!new_embedding_.is_defined()) return rows;
  const at::Tensor new_rows = new_embedding_.rows((ids - num_rows_).clamp_min(0)).to(rows.scalar_type());
  return at::where(ids.ge(num_rows_).unsqueeze(-1), new_rows, rows);
}

at::Tensor Embedding::table_rows(const at::Tensor& ids) const {
  if (group_.is_alone()) return embedding_.rows(ids);
  const auto [begin, end] = group_.part(num_rows_);
  const at::Tensor is_own = ids.ge(begin).logical_and(ids.lt(end)).unsqueeze(-1);
  return group_.sum(at::where(is_own, embedding_.rows((ids - begin).clamp(0, end - begin - 1)), 0.0));
}

}  // namespace molmo::model
