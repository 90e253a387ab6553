#include "cli/version.h"

#include <fmt/core.h>
#include <torch/version.h>

#include "base/cpu_features.h"
#include "base/threads.h"
#include "molmo/version.h"

namespace molmo::cli {

std::string version_text() {
#if defined(__clang__)
  const std::string compiler = "Clang " __clang_version__;
#else
  const std::string compiler = "GCC " __VERSION__;
#endif
  return fmt::format(
      "molmo {}\n"
      "build:    {}, {}\n"
      "libtorch: {}\n"
      "CPU:      {} found, {} used\n"
      "threads:  {}\n",
      MOLMO_VERSION, MOLMO_BUILD_TYPE, compiler, TORCH_VERSION, describe(detected_cpu_features()),
      describe(cpu_features()), num_threads());
}

}  // namespace molmo::cli
