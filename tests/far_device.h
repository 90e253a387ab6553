// A device for tests of code that is to run on GPUs, where there is none: it computes what the CPU computes, but the
// CPU cannot touch its memory (a pointer to it is a fault), and operators refuse tensors of two devices as CUDA's do.
//   const at::Device far = test::far_device();
//   model::Molmo molmo(config, test::to(far, weights));
#pragma once

#include <ATen/core/Tensor.h>

namespace molmo::test {

// Registers the device at the first call.
at::Device far_device();

}  // namespace molmo::test
