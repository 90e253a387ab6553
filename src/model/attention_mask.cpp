#include "model/attention_mask.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace molmo::model {
namespace {

// [num_queries, num_keys] bool; the queries are the last tokens.
at::Tensor causal_pattern(int64_t num_queries, int64_t num_keys, const at::Device& device) {
  return at::ones({num_queries, num_keys}, at::TensorOptions(at::kBool).device(device)).tril(num_keys - num_queries);
}

// may_attend: [B, T, S] bool -> [B, 1, T, S].
at::Tensor to_bias(const at::Tensor& may_attend) {
  const at::Tensor bias = at::zeros(may_attend.sizes(), may_attend.options().dtype(at::kFloat));
  return bias.masked_fill(may_attend.logical_not(), -std::numeric_limits<double>::infinity()).unsqueeze(1);
}

// [B, T, T] bool: the subsegment of query i is at most that of key j, and j <= i, and both are valid.
at::Tensor packed_pattern(const at::Tensor& subsegment_ids, const at::Tensor& valid) {
  const at::Tensor is_valid = valid.to(at::kBool);
  const int64_t num_tokens = valid.size(1);
  return causal_pattern(num_tokens, num_tokens, valid.device())
      .logical_and(subsegment_ids.unsqueeze(2).le(subsegment_ids.unsqueeze(1)))
      .logical_and(is_valid.unsqueeze(2))
      .logical_and(is_valid.unsqueeze(1));
}

}  // namespace

at::Tensor causal_bias(const at::Tensor& valid, int64_t num_queries) {
  const int64_t num_keys = valid.size(1);
  const at::Tensor is_valid = valid.to(at::kBool),
                   is_valid_query = is_valid.narrow(1, num_keys - num_queries, num_queries);
  return to_bias(causal_pattern(num_queries, num_keys, valid.device())
                     .logical_and(is_valid.unsqueeze(1))
                     .logical_and(is_valid_query.unsqueeze(2)));
}

at::Tensor packed_bias(const at::Tensor& subsegment_ids, const at::Tensor& valid) {
  return to_bias(packed_pattern(subsegment_ids, valid));
}

at::Tensor position_ids(const at::Tensor& valid) {
  return (at::cumsum(valid.to(at::kLong), 1) - 1).clamp_min(0);
}

at::Tensor packed_position_ids(const at::Tensor& subsegment_ids, const at::Tensor& valid) {
  return packed_pattern(subsegment_ids, valid).sum(2) - 1;
}

}  // namespace molmo::model
