// Files: whole reads with a limit, read-only memory maps, and writes that are either complete or not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace molmo {

// Throws NotFound, Io, or BadData when the file is larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes = 1u << 30);

// Writes to a temporary sibling, fsyncs, renames over `path`, fsyncs the folder. On failure nothing is left behind and
// `path` is as it was.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

// The same for content that is produced piece by piece.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();  // removes the temporary file unless commit() was called
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view bytes) { write(std::as_bytes(std::span(bytes.data(), bytes.size()))); }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// A file mapped read-only into memory. Pages are shared with other processes and loaded on first touch.
class MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }
  // Tells the kernel that a range will not be needed again, so that converting a large file does not fill memory with
  // its pages.
  void drop_pages(size_t offset, size_t size) const;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::filesystem::path path_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace molmo
