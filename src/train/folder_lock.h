// Keeps a second run out of a folder for as long as this lives. The lock is the system's: it goes with the process,
// however that ends, and leaves no file.
#pragma once

#include <filesystem>

namespace molmo::train {

class FolderLock {
 public:
  // Throws InvalidArgument when another process has the folder, Io when it cannot be opened. Where the file system has
  // no locks nothing is locked.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace molmo::train
