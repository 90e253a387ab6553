// A folder that appears complete or not at all: it is filled under a temporary name beside its place, then renamed.
//   AtomicFolder folder("out", /*overwrite=*/false);   write_json_file(folder.path() / "config.json", ...);
//   folder.commit();
#pragma once

#include <cstdint>
#include <filesystem>

namespace molmo {

class AtomicFolder {
 public:
  // Throws InvalidArgument when `path` is a file, or a folder with something in it and `overwrite` is false; Io when it
  // cannot be created.
  AtomicFolder(std::filesystem::path path, bool overwrite);
  ~AtomicFolder();  // removes the temporary folder unless commit() was called
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }
  // Throws Io unless the disk has room for this much more.
  void check_space(uint64_t num_bytes) const;
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  bool is_committed_ = false;
};

}  // namespace molmo
