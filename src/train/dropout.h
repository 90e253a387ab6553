// Residual dropout of the decoder: a share of what each sublayer adds is dropped, the rest scaled up (paper, appendix
// A.3; reference: Dropout in olmo/model.py). What is dropped depends on the example's place in the step and on the
// layer alone: a resumed run, a block that is computed again and another number of ranks drop the same.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/molmo.h"

namespace molmo::train {

struct DropoutKey {
  uint64_t seed = 0;
  int64_t step = 0;
  // Row b of a micro-batch is example `first_example + b * example_stride` of the step.
  int64_t first_example = 0, example_stride = 1;
};

// takes_part: [B, T] bool, the tokens that take part; undefined: all of them. A hook for LayerHooks::on_residual.
std::function<at::Tensor(int64_t layer, model::Sublayer sublayer, const at::Tensor& output)> residual_dropout(
    double share, const at::Tensor& takes_part, const DropoutKey& key);

}  // namespace molmo::train
