// Reads the includes of src/ and fails on an edge that ARCHITECTURE.md does not allow.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace molmo {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// Everything may include base; nothing may include cli.
const std::map<std::string, Names> kAllowed = {
    {"base", {}},
    {"config", {}},
    {"image", {"config"}},
    {"text", {"config"}},
    {"kernels", {}},
    {"dist", {"config"}},
    {"http", {}},
    {"report", {"image"}},
    {"arena", {"report"}},
    {"model", {"kernels", "config"}},
    {"preprocess", {"image", "text", "config"}},
    {"data", {"image", "text", "config", "http", "report"}},
    {"checkpoint", {"model", "kernels", "dist", "config"}},
    {"generate", {"model", "preprocess", "image", "text", "config"}},
    {"synth", {"data", "image", "text", "config", "report"}},
    {"collect", {"data", "image", "text", "arena"}},
    {"train", {"model", "preprocess", "data", "dist", "checkpoint", "image", "text", "config", "report"}},
    {"quantize", {"checkpoint", "model", "kernels", "preprocess", "config"}},
    {"eval", {"data", "generate", "synth", "image", "text", "config", "dist", "http", "report"}},
    {"serve", {"generate", "arena", "collect", "http"}},
    {"api", {"*"}},
    {"bench", {"api", "quantize", "generate", "checkpoint", "model", "kernels", "preprocess", "image", "config"}},
    {"cli", {"*"}},
};
const Names kTorch = {"dist",     "model", "preprocess", "checkpoint", "generate", "train",
                      "quantize", "eval",  "serve",      "api",        "bench",    "cli"};
const Names kLightTorchHeaders = {"ATen/core/Tensor.h"};  // the heaviest include that a header of ours may have

bool is_torch(const std::string& include) {
  return include.starts_with("torch/") || include.starts_with("ATen/") || include.starts_with("c10/");
}

TEST(Architecture, FoldersIncludeOnlyWhatTheirRowAllows) {
  const fs::path root = fs::path(MOLMO_SOURCE_DIR) / "src";
  const std::regex include_line(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
  int num_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".inc" && extension != ".cu") continue;
    ++num_files;
    const std::string folder = *fs::relative(entry.path(), root).begin();
    const bool is_test_or_bench =
        entry.path().stem().string().ends_with("_test") || entry.path().stem().string().ends_with("_bench");
    ASSERT_TRUE(kAllowed.contains(folder)) << "src/" << folder << " has no row in the table of folders";
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, include_line)) continue;
      const std::string include = match[1];
      if (is_torch(include)) {
        const bool is_op = folder == "kernels" && entry.path().stem().string().ends_with("_op");
        EXPECT_TRUE(kTorch.contains(folder) || is_op || is_test_or_bench)
            << entry.path() << " includes " << include << ", but " << folder << " knows no torch";
        if (extension == ".h") {
          EXPECT_TRUE(kLightTorchHeaders.contains(include))
              << entry.path() << ": a header includes at most ATen/core/Tensor.h, not " << include;
        }
        continue;
      }
      const std::string target = include.substr(0, include.find('/'));
      if (target == include || !kAllowed.contains(target) || target == folder || target == "base") continue;
      EXPECT_NE(target, "cli") << entry.path() << " includes " << include;
      const Names& allowed = kAllowed.at(folder);
      EXPECT_TRUE(allowed.contains("*") || allowed.contains(target))
          << entry.path() << " includes " << include << ": src/" << folder << " may not include src/" << target;
    }
  }
  EXPECT_GT(num_files, 20);
}

TEST(Architecture, NoFileIsOverAThousandLines) {
  for (const char* part : {"src", "include", "tests", "bench", "examples"}) {
    const fs::path root = fs::path(MOLMO_SOURCE_DIR) / part;
    if (!fs::exists(root)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".c") continue;
      std::ifstream file(entry.path());
      const auto lines = std::count(std::istreambuf_iterator<char>(file), {}, '\n');
      EXPECT_LE(lines, 1000) << entry.path();
    }
  }
}

}  // namespace
}  // namespace molmo
