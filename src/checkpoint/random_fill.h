// Fills memory with random numbers, fast and the same for any number of threads: chunks of a fixed size draw from
// streams of their own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "base/dtype.h"
#include "base/random.h"

namespace molmo::checkpoint {

// How the values of a parameter are drawn.
struct Distribution {
  enum class Kind { Constant, Normal, Uniform };
  Kind kind = Kind::Constant;
  double value = 0;   // the constant, the standard deviation, or the bound of [-value, value)
  double cutoff = 0;  // of a normal, in standard deviations: values beyond are drawn again; 0 for none
};

// Standard normal by the ziggurat method (Marsaglia and Tsang 2000, with Doornik's separate tail): one draw of 64 bits
// in 98 of 100 cases.
double ziggurat_normal(RandomStream& stream);

// A new tensor on the CPU, F32, BF16 or F16 (rounded to nearest), of values that depend only on seed, purpose and
// position.
at::Tensor random_tensor(at::IntArrayRef shape, DType dtype, const Distribution& distribution, uint64_t seed,
                         std::string_view purpose);

}  // namespace molmo::checkpoint
