// From the name of a device in settings and flags to libtorch's, once it is known to be there.
//   weight = weight.to(compute_device(config::Device::Cuda, local_rank));
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "config/device.h"

namespace molmo::model {

// `index`: of several GPUs of this machine, the rank among its processes. Throws Unsupported where the libtorch that is
// linked or this machine has no such device.
at::Device compute_device(config::Device device, int64_t index = 0);

}  // namespace molmo::model
