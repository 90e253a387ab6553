// Low-rank updates of linear layers (LoRA): y = W x + scale * B (A x).
// Read and written in PEFT's layout by checkpoint/adapter.h; applied at run time by Linear.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace molmo::model {

struct LowRankUpdate {
  at::Tensor a;      // [R, in]
  at::Tensor b;      // [out, R]
  double scale = 1;  // alpha / R, or what the adapter's configuration makes of it
};

struct Adapter {
  int64_t rank = 0;  // as configured; an update may have its own
  double alpha = 0;
  std::vector<std::string> target_modules;       // last parts of module names, "att_proj"
  std::map<std::string, LowRankUpdate> updates;  // by native weight name, "transformer.blocks.0.att_proj.weight"
};

}  // namespace molmo::model
