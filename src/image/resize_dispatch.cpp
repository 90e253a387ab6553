#include "base/cpu_features.h"
#include "image/resize_kernels.h"

namespace molmo::image {

const ResizeKernels& resize_kernels() {
#if defined(__x86_64__)
  if (cpu_features().avx512) return kResizeAvx512;
  if (cpu_features().avx2) return kResizeAvx2;
#endif
  return kResizeScalar;
}

}  // namespace molmo::image
