// Scaled dot-product attention over heads, shared by the vision tower, the connector and the decoder.
#pragma once

#include <ATen/core/Tensor.h>

namespace molmo::model {

enum class Causality {
  Full,    // every query sees every key
  Causal,  // query i of T sees keys 0..i; needs as many keys as queries
};

// q: [B, H, T, A]; k, v: [B, K, S, A] with K a divisor of H: query head h uses key head h / (H / K). -> [B, H, T, A]
// in the type of q. k and v may come from a cache of another type.
// bias: undefined, or [B or 1, 1, T, S], added to the scores. A query that sees nothing gives zeros or any finite
// values.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias,
                  Causality causality);

// The same in a model whose weights are packed, and whose activations have been rounded to 8 bits on their way here:
// many queries on a CPU that multiplies bfloat16 in tiles are rounded to that type with their keys and values, which
// takes a quarter of the time (docs/performance.md).
at::Tensor attend_rounded(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias,
                          Causality causality);

// [B, T, heads * A] -> [B, heads, T, A] (a view), and back.
at::Tensor split_heads(const at::Tensor& x, int64_t num_heads);
at::Tensor merge_heads(const at::Tensor& x);

}  // namespace molmo::model
