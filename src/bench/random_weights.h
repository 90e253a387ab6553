// Random weights in memory, made at the speed of memory: to measure a model of a size without having one.
//   model::Molmo molmo(config, random_weights(config, StoredAs::Q4));
// Activations stay near one from layer to layer. Small tensors are those of `molmo init`; matrices are uniform.
#pragma once

#include "base/enum_names.h"
#include "model/molmo.h"

namespace molmo::bench {

// How matrices are stored. Q4: those of the decoder's blocks in 4 bits, all others in 8. Packed matrices are uint8
// [panels, bytes of a panel] (kernels/packed_weight.h); routers, norms, biases and position tables stay floats.
enum class StoredAs { BF16, Q8, Q4 };

// Throws OutOfMemory before anything is drawn when the weights would not fit.
model::Weights random_weights(const config::ModelConfig& config, StoredAs stored);

}  // namespace molmo::bench

template <>
struct molmo::EnumNames<molmo::bench::StoredAs> {
  using enum bench::StoredAs;
  static constexpr EnumName<bench::StoredAs> kValues[] = {{BF16, "bf16"}, {Q8, "q8"}, {Q4, "q4"}};
};
