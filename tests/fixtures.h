// Where the golden numbers of the reference lie: the copies in tests/fixtures, else the full set beside the checkout
// when it is there.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/temporary_folder.h"

namespace molmo::test {

// Name the file or checkpoint folder in full: a folder here may hold a part of what the full set has in it.
inline std::filesystem::path fixture_path(const std::string& name) {
  const std::filesystem::path source = MOLMO_SOURCE_DIR;
  for (const auto& root : {source / "tests" / "fixtures", source.parent_path() / "shared" / "fixtures"}) {
    if (std::filesystem::exists(root / name)) return root / name;
  }
  throw std::runtime_error("fixture not found: " + name);
}

// For what only the full set holds: P1's training files, the second checkpoint layouts of most models.
inline bool has_fixture(const std::string& name) {
  const std::filesystem::path source = MOLMO_SOURCE_DIR;
  return std::filesystem::exists(source / "tests" / "fixtures" / name) ||
         std::filesystem::exists(source.parent_path() / "shared" / "fixtures" / name);
}

// The six miniature models of fixtures/model.
inline std::vector<std::string> model_cases() {
  return {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip", "P4-qwen2-siglip", "P5-qwen2-dinov2", "P6-qwen2-metaclip"};
}

// The checkpoint folder of a miniature model that every clone has: hf/ or native/, see tests/fixtures/README.md.
inline std::filesystem::path checkpoint_path(const std::string& model_case) {
  const std::filesystem::path folder =
      std::filesystem::path(MOLMO_SOURCE_DIR) / "tests" / "fixtures" / "model" / model_case;
  for (const char* layout : {"hf", "native"}) {
    if (std::filesystem::exists(folder / layout)) return folder / layout;
  }
  throw std::runtime_error("no checkpoint in " + folder.string());
}

// Most tests of the program and the library use this miniature model, and this picture.
inline std::string miniature_model() {
  return fixture_path("model/P1-qwen2-clip/hf");
}
inline std::string picture_path(const std::string& name = "rgb_420x300.png") {
  return fixture_path("model/images/" + name);
}

// A folder of its own for one test.
using molmo::TemporaryFolder;

}  // namespace molmo::test
