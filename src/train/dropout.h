// Residual dropout of the decoder: a share of what each sublayer adds is dropped, the rest scaled up (paper, appendix
// A.3; reference: Dropout in olmo/model.py). What is dropped depends on the key and on the layer alone: a resumed run
// and a block that is computed again drop the same.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/molmo.h"

namespace molmo::train {

struct DropoutKey {
  uint64_t seed;
  int64_t step, rank, micro_batch;
};

// takes_part: [B, T] bool, the tokens that take part; undefined: all of them. A hook for LayerHooks::on_residual.
std::function<at::Tensor(int64_t layer, model::Sublayer sublayer, const at::Tensor& output)> residual_dropout(
    double share, const at::Tensor& takes_part, const DropoutKey& key);

}  // namespace molmo::train
