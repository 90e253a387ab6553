#include "checkpoint/zip_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "checkpoint/stored_tensor.h"

namespace molmo::checkpoint {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kEnd64Locator = 0x07064b50;
constexpr uint64_t kLocalHeaderBytes = 30, kCentralHeaderBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                   kEnd64LocatorBytes = 20;
constexpr uint64_t kMaxCommentBytes = 0xffff;
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kEncryptedFlag = 1, kStored = 0;
constexpr uint32_t kIn64 = 0xffffffff;  // the real value stands in the zip64 field

// Little-endian numbers at checked positions.
class Bytes {
 public:
  explicit Bytes(const MappedFile& file) : file_(file), bytes_(file.bytes()) {}

  uint64_t size() const { return bytes_.size(); }

  template <class T>
  T number(uint64_t position) const {
    check(position, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + position, sizeof value);
    return value;
  }

  std::string_view text(uint64_t position, uint64_t length) const {
    check(position, length);
    return {reinterpret_cast<const char*>(bytes_.data()) + position, length};
  }

  void check(uint64_t position, uint64_t length) const {
    if (position > size() || length > size() - position) {
      bad("a header points to byte {}, the file has {}. Was it cut off while copying?", position, size());
    }
  }

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCategory::BadData, "{}: zip archive: {}", file_.path().string(),
         fmt::format(format, std::forward<Args>(args)...));
  }

  template <class... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCategory::Unsupported, "{}: zip archive: {}", file_.path().string(),
         fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  const MappedFile& file_;
  std::span<const std::byte> bytes_;
};

struct Directory {
  uint64_t offset = 0, num_bytes = 0, num_entries = 0;
};

// The end record is the last thing in the file but for a comment whose length it names.
uint64_t find_end(const Bytes& bytes) {
  if (bytes.size() >= kEndBytes) {
    const uint64_t last = bytes.size() - kEndBytes;
    const uint64_t first = last > kMaxCommentBytes ? last - kMaxCommentBytes : 0;
    for (uint64_t position = last + 1; position-- > first;) {
      if (bytes.number<uint32_t>(position) == kEnd && bytes.number<uint16_t>(position + 20) == last - position)
        return position;
    }
  }
  bytes.bad("it has no end record. Was it cut off while copying, or saved by PyTorch before 1.6?");
}

Directory find_directory(const Bytes& bytes) {
  const uint64_t end = find_end(bytes);
  Directory directory{bytes.number<uint32_t>(end + 16), bytes.number<uint32_t>(end + 12),
                      bytes.number<uint16_t>(end + 10)};
  uint64_t limit = end;
  const bool is_split = bytes.number<uint16_t>(end + 4) != bytes.number<uint16_t>(end + 6);
  if (is_split) bytes.unsupported("it is split into several files");
  if (end >= kEnd64LocatorBytes && bytes.number<uint32_t>(end - kEnd64LocatorBytes) == kEnd64Locator) {
    const uint64_t end64 = bytes.number<uint64_t>(end - kEnd64LocatorBytes + 8);
    bytes.check(end64, kEnd64Bytes);
    if (bytes.number<uint32_t>(end64) != kEnd64) bytes.bad("the zip64 end record is not where its locator says");
    directory = {bytes.number<uint64_t>(end64 + 48), bytes.number<uint64_t>(end64 + 40),
                 bytes.number<uint64_t>(end64 + 32)};
    limit = end64;
  }
  if (directory.offset > limit || directory.num_bytes > limit - directory.offset) {
    bytes.bad("its directory of {} bytes at byte {} runs beyond the end record at {}", directory.num_bytes,
              directory.offset, limit);
  }
  if (directory.num_entries > directory.num_bytes / kCentralHeaderBytes) {
    bytes.bad("its directory of {} bytes cannot hold {} entries", directory.num_bytes, directory.num_entries);
  }
  return directory;
}

// Sizes and offset of an entry, from its zip64 field where the header has no room for them.
struct Extent {
  uint64_t compressed, size, local_header;
};

Extent read_extent(const Bytes& bytes, uint64_t header, std::string_view name) {
  Extent extent{bytes.number<uint32_t>(header + 20), bytes.number<uint32_t>(header + 24),
                bytes.number<uint32_t>(header + 42)};
  uint64_t position = header + kCentralHeaderBytes + bytes.number<uint16_t>(header + 28);
  const uint64_t end = position + bytes.number<uint16_t>(header + 30);
  while (end - position >= 4) {
    const uint16_t id = bytes.number<uint16_t>(position);
    const uint64_t field_end = position + 4 + bytes.number<uint16_t>(position + 2);
    if (field_end > end) bytes.bad("an extra field of '{}' runs beyond its header", name);
    position += 4;
    if (id == kZip64Field) {
      for (uint64_t* value : {&extent.size, &extent.compressed, &extent.local_header}) {
        if (*value != kIn64) continue;
        if (field_end - position < 8) bytes.bad("the zip64 field of '{}' is too short", name);
        *value = bytes.number<uint64_t>(position);
        position += 8;
      }
      return extent;
    }
    position = field_end;
  }
  return extent;
}

ZipEntry read_entry(const Bytes& bytes, uint64_t header, std::string_view name) {
  if (bytes.number<uint16_t>(header + 8) & kEncryptedFlag) bytes.unsupported("'{}' is encrypted", name);
  if (bytes.number<uint16_t>(header + 10) != kStored) {
    bytes.unsupported(
        "'{}' is compressed; torch.save stores its entries as they are. Save the checkpoint again with PyTorch.", name);
  }
  const Extent extent = read_extent(bytes, header, name);
  if (extent.compressed != extent.size) {
    bytes.bad("'{}' is stored, but has two sizes: {} and {} bytes", name, extent.compressed, extent.size);
  }
  const uint64_t local = extent.local_header;
  bytes.check(local, kLocalHeaderBytes);
  if (bytes.number<uint32_t>(local) != kLocalHeader)
    bytes.bad("'{}' is not at byte {}, where the directory says", name, local);
  const uint64_t name_bytes = bytes.number<uint16_t>(local + 26);
  if (bytes.text(local + kLocalHeaderBytes, name_bytes) != name)
    bytes.bad("the directory calls the entry at byte {} '{}', the entry itself does not", local, name);
  const uint64_t offset = local + kLocalHeaderBytes + name_bytes + bytes.number<uint16_t>(local + 28);
  bytes.check(offset, extent.size);
  return {offset, extent.size};
}

}  // namespace

std::map<std::string, ZipEntry> read_stored_zip(const MappedFile& file) {
  const Bytes bytes(file);
  const Directory directory = find_directory(bytes);
  const uint64_t directory_end = directory.offset + directory.num_bytes;
  std::map<std::string, ZipEntry> entries;
  uint64_t position = directory.offset;
  for (uint64_t i = 0; i < directory.num_entries; ++i) {
    if (directory_end - position < kCentralHeaderBytes || bytes.number<uint32_t>(position) != kCentralHeader) {
      bytes.bad("entry {} of its directory is damaged", i);
    }
    const uint64_t name_bytes = bytes.number<uint16_t>(position + 28);
    const uint64_t header_bytes = kCentralHeaderBytes + name_bytes + bytes.number<uint16_t>(position + 30) +
                                  bytes.number<uint16_t>(position + 32);
    if (header_bytes > directory_end - position) bytes.bad("entry {} of its directory runs beyond the directory", i);
    const std::string name(bytes.text(position + kCentralHeaderBytes, name_bytes));
    if (!is_sound_name(name)) bytes.bad("the name of entry {} is longer than 1024 bytes or has control characters", i);
    if (!entries.emplace(name, read_entry(bytes, position, name)).second) bytes.bad("'{}' appears twice", name);
    position += header_bytes;
  }
  return entries;
}

}  // namespace molmo::checkpoint
