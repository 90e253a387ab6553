#include "model/device.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>

#include "base/error.h"

namespace molmo::model {

at::Device compute_device(config::Device device, int64_t index) {
  if (device == config::Device::Cpu) return at::kCPU;
  if (!at::hasCUDA()) {
    fail(ErrorCategory::Unsupported,
         "device 'cuda': this libtorch or this machine has no CUDA. Hint: device 'cpu', or a CUDA build of libtorch");
  }
  const int64_t count = at::accelerator::deviceCount();
  if (index >= count) {
    fail(ErrorCategory::Unsupported,
         "device 'cuda': process {} of this machine has no GPU, of which there are {}. Hint: at most one process for "
         "each GPU",
         index, count);
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

std::optional<uint64_t> free_gpu_memory_bytes() {
  if (!at::hasCUDA() || at::accelerator::deviceCount() == 0) return std::nullopt;
  return at::accelerator::getMemoryInfo(0).first;
}

}  // namespace molmo::model
