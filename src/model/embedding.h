// Token embedding from two tables, the tokenizer's own ids and the extra rows behind them, which are never joined: a
// join would copy gigabytes for every token. Ranks of a group have rows of the first table each.
#pragma once

#include <ATen/core/Tensor.h>

#include "config/decoder.h"
#include "model/weight_scope.h"

namespace molmo::model {

class Embedding {
 public:
  Embedding(const WeightScope& scope, const config::DecoderConfig& config);

  // input_ids: [B, T]; -1 is padding and looked up as id 0 -> [B, T, D] in the type of the activations.
  // Throws InvalidArgument for ids beyond both tables (checked on the CPU only: elsewhere it would stall the device).
  at::Tensor forward(const at::Tensor& input_ids) const;

  const Matrix& table() const { return embedding_; }  // [V, D], of this rank

 private:
  at::Tensor table_rows(const at::Tensor& ids) const;  // of the whole first table, whoever has them

  TensorGroup group_;
  int64_t num_rows_;      // of the whole first table
  Matrix embedding_;      // [V, D], of this rank
  Matrix new_embedding_;  // [additional, D], undefined without
};

}  // namespace molmo::model
