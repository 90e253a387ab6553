#include "kernels/cpu_dispatch.h"

#include <fmt/format.h>

namespace molmo::kernels {

std::span<const Version<DenseLinearKernel>> dense_linear_versions() {
  static constexpr Version<DenseLinearKernel> kVersions[] = {
#if defined(__x86_64__)
    {"avx512", &CpuFeatures::avx512, &kDenseLinearAvx512},
    {"avx2", &CpuFeatures::avx2, &kDenseLinearAvx2},
#endif
    {"scalar", nullptr, &kDenseLinearScalar},
  };
  return kVersions;
}

std::string describe_kernels() {
  return fmt::format("dense_linear: {}", best(dense_linear_versions()).name);
}

}  // namespace molmo::kernels
