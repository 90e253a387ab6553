// libFuzzer program for one target, chosen at compile time. Set MOLMO_FUZZ_SEEDS to a folder to have the seeds written
// there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/error.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* folder = std::getenv("MOLMO_FUZZ_SEEDS")) {
    std::filesystem::create_directories(folder);
    int index = 0;
    for (const auto& seed : molmo::fuzz::target(MOLMO_FUZZ_TARGET).seeds()) {
      const auto path = std::filesystem::path(folder) / ("seed-" + std::to_string(index++));
      std::ofstream(path, std::ios::binary).write(seed.data(), static_cast<std::streamsize>(seed.size()));
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const molmo::fuzz::Target kTarget = molmo::fuzz::target(MOLMO_FUZZ_TARGET);
  try {
    kTarget.run({reinterpret_cast<const char*>(data), size});
  } catch (const molmo::Error& error) {
    if (error.category() == molmo::ErrorCategory::Internal) throw;
  }
  return 0;
}
