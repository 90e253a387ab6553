// Documents name paths that exist, and nothing in the project names the machine that it was written on.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace molmo {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = MOLMO_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The project's own files: no build folders, no version control, no links out of the tree.
std::vector<fs::path> project_files() {
  std::vector<fs::path> files;
  auto entry = fs::recursive_directory_iterator(kSource);
  for (; entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename();
    const bool is_skipped = entry.depth() == 0 && (name.starts_with("build") || name == ".git" || name == ".venv" ||
                                                   name == "out" || name == ".cache");
    if (is_skipped) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files.push_back(entry->path());
    }
  }
  return files;
}

std::vector<fs::path> documents() {
  std::vector<fs::path> documents;
  for (const auto& file : project_files()) {
    if (file.extension() == ".md" && file.string().find("/fixtures/") == std::string::npos) documents.push_back(file);
  }
  return documents;
}

TEST(Documents, NamePathsThatExist) {
  // Paths stand between backticks and begin with a folder of the project; <placeholders> and patterns name no single
  // path.
  const std::regex path_pattern(R"re(`((?:src|tests|include|docs|scripts|cmake|examples|bench|configs)/[\w./+-]*)`)re");
  size_t num_paths = 0;
  for (const auto& document : documents()) {
    const std::string text = read(document);
    for (std::sregex_iterator match(text.begin(), text.end(), path_pattern), end; match != end; ++match) {
      const std::string path = (*match)[1];
      EXPECT_TRUE(fs::exists(kSource / path)) << document << " names " << path;
      ++num_paths;
    }
  }
  EXPECT_GT(num_paths, 30u);
}

TEST(Documents, NameNoMachineAndNoWorkplace) {
  // Written in two parts, so that this file does not hold them.
  const std::array<std::string, 5> forbidden = {std::string("/wo") + "rk/", std::string("/ro") + "ot/",
                                                std::string("farm-") + "studio", std::string("/home") + "/",
                                                std::string("wt/sha") + "red"};
  const auto files = project_files();
  EXPECT_GT(files.size(), 100u);
  for (const auto& file : files) {
    const std::string text = read(file);
    for (const auto& name : forbidden) EXPECT_EQ(text.find(name), std::string::npos) << file << " contains " << name;
  }
}

}  // namespace
}  // namespace molmo
