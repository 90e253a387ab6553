// Parts of the decoder on the ranks that compute each of its layers together (model/tensor_group.h).
#pragma once

#include "config/decoder.h"
#include "model/tensor_group.h"
#include "train/ranks.h"

namespace molmo::train {

// Of ranks.tensor, which the group keeps.
model::TensorGroup make_tensor_group(const Ranks& ranks);

// As the rank of such a group sees it whose parts are the largest, for sizes; it adds up nothing.
model::TensorGroup rank_with_largest_parts(int64_t num_ranks);

// Throws InvalidArgument where some rank would have no part of a layer: key/value heads, neurons and rows of the
// vocabulary are the smallest parts. They need not be equal.
void check_tensor_parallel(const config::DecoderConfig& decoder, int64_t tensor_parallel);

// The whole weight, on the CPU; where the slice is the whole, the part as it is. All ranks of ranks.tensor call it.
at::Tensor join_parts(const at::Tensor& part, const model::TensorSlice& slice, const Ranks& ranks);

}  // namespace molmo::train
