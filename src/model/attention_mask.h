// Who may see whom, and at which position each token stands: causal, padded, or several conversations packed behind one
// image (paper, section 4; reference: Molmo.forward in olmo/model.py, packing in olmo/data/data_formatter.py). A bias
// is 0 where a query may look and -inf where not; padding sees nothing, and its output means nothing.
#pragma once

#include <ATen/core/Tensor.h>

namespace molmo::model {

// valid: [B, S + T] bool -> [B, 1, T, S + T] float32 for the last T tokens: token i sees token j iff j <= i and both
// are valid.
at::Tensor causal_bias(const at::Tensor& valid, int64_t num_queries);
// subsegment_ids: [B, T], valid: [B, T] -> [B, 1, T, T]: as above, and the subsegment of i is at most that of j. Image
// tokens have a large subsegment and the conversations 1, 2, 3: so each of them sees the image and itself.
at::Tensor packed_bias(const at::Tensor& subsegment_ids, const at::Tensor& valid);

// valid: [B, T] -> [B, T] int64: valid tokens up to and including each, minus one, at least 0.
at::Tensor position_ids(const at::Tensor& valid);
// Tokens up to and including each with at least its subsegment, minus one: every conversation continues right behind
// the image. Padding stands at -1.
at::Tensor packed_position_ids(const at::Tensor& subsegment_ids, const at::Tensor& valid);

}  // namespace molmo::model
