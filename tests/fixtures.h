// Where the golden numbers of the reference lie: the full set beside the checkout when it is there, else the copies in tests/fixtures.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace molmo::test {

inline std::filesystem::path fixture_path(const std::string& name) {
  const std::filesystem::path source = MOLMO_SOURCE_DIR;
  for (const auto& root : {source.parent_path() / "shared" / "fixtures", source / "tests" / "fixtures"}) {
    if (std::filesystem::exists(root / name)) return root / name;
  }
  throw std::runtime_error("fixture not found: " + name);
}

// The six miniature models of fixtures/model.
inline std::vector<std::string> model_cases() {
  return {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip", "P4-qwen2-siglip", "P5-qwen2-dinov2", "P6-qwen2-metaclip"};
}

// A folder of its own for one test, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "molmo-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot create a temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace molmo::test
