// A folder for what is needed for a while.
//   const TemporaryFolder folder;
//   write_file_atomic(folder.path() / "graph.dot", script);
#pragma once

#include <filesystem>

namespace molmo {

// A new folder that only this user can read, removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();  // throws Io
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace molmo
