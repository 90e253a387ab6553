// From the name of a device in settings and flags to libtorch's, once it is known to be there.
//   weight = weight.to(compute_device(config::Device::Cuda, local_rank));
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "config/device.h"

namespace molmo::model {

// `index`: of several GPUs of this machine, the rank among its processes. Throws Unsupported where the libtorch that is
// linked or this machine has no such device.
at::Device compute_device(config::Device device, int64_t index = 0);

// What the first GPU of this machine can still give; empty where there is none.
std::optional<uint64_t> free_gpu_memory_bytes();

}  // namespace molmo::model
