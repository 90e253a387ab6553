#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "fuzz/target.h"

namespace molmo::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {safetensors_target(), torch_file_target(), tokenizer_target(),
                                               image_target(),       points_target(),     config_target(),
                                               comparisons_target()};
  return kTargets;
}

const Target& target(std::string_view name) {
  for (const auto& each : targets()) {
    if (each.name == name) return each;
  }
  throw std::out_of_range("no fuzz target " + std::string(name));
}

std::filesystem::path file_with(std::string_view bytes, const std::string& name) {
  // In memory where the system has such a folder: a fuzzer writes it thousands of times a second.
  static const std::filesystem::path kFolder = [] {
    const bool has_memory_folder = std::filesystem::exists("/dev/shm");
    std::string pattern =
        (has_memory_folder ? std::string("/dev/shm") : std::filesystem::temp_directory_path().string()) +
        "/molmo-fuzz-XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot create a temporary folder");
    static struct Cleaner {
      std::filesystem::path path;
      ~Cleaner() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
      }
    } cleaner{pattern};
    return cleaner.path;
  }();
  const std::filesystem::path path = kFolder / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace molmo::fuzz
