#include "image/exif.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace molmo::image {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kOrientationTag = 0x0112;
constexpr size_t kEntryBytes = 12;

// Bounds-checked integers of a TIFF block, whose first bytes say the byte order.
class TiffReader {
 public:
  TiffReader(std::span<const std::byte> bytes, bool is_big_endian) : bytes_(bytes), is_big_endian_(is_big_endian) {}

  std::optional<uint32_t> read(uint64_t offset, size_t num_bytes) const {
    if (offset > bytes_.size() || bytes_.size() - offset < num_bytes) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < num_bytes; ++i) {
      const size_t place = is_big_endian_ ? i : num_bytes - 1 - i;
      value = value << 8 | std::to_integer<uint32_t>(bytes_[offset + place]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool is_big_endian_;
};

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), prefix.size()) == prefix;
}

// Bytes of one value of a TIFF field type; 0 for types that cannot hold an orientation.
size_t value_bytes(uint32_t type) {
  switch (type) {
    case 1:
      return 1;  // BYTE
    case 3:
      return 2;  // SHORT
    case 4:
      return 4;  // LONG
    default:
      return 0;
  }
}

int valid_orientation(uint32_t value) {
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

}  // namespace

std::optional<int> exif_orientation(std::span<const std::byte> exif) {
  while (starts_with(exif, "Exif\0\0"sv)) exif = exif.subspan(6);
  const bool is_big_endian = starts_with(exif, "MM\0*"sv);
  if (!is_big_endian && !starts_with(exif, "II*\0"sv)) return std::nullopt;
  const TiffReader reader(exif, is_big_endian);
  const auto directory = reader.read(4, 4);
  if (!directory) return std::nullopt;
  const uint32_t num_entries = reader.read(*directory, 2).value_or(0);
  for (uint32_t i = 0; i < num_entries; ++i) {
    const uint64_t entry = uint64_t{*directory} + 2 + i * kEntryBytes;
    const auto tag = reader.read(entry, 2);
    if (!tag) return std::nullopt;
    if (*tag != kOrientationTag) continue;
    const size_t num_bytes = value_bytes(reader.read(entry + 2, 2).value_or(0));
    const uint32_t count = reader.read(entry + 4, 4).value_or(0);
    if (num_bytes == 0 || count != 1) return std::nullopt;
    const auto value = reader.read(entry + 8, num_bytes);
    return value ? std::optional(valid_orientation(*value)) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<int> xmp_orientation(std::span<const std::byte> xmp) {
  const std::string_view text(reinterpret_cast<const char*>(xmp.data()), xmp.size());
  for (const std::string_view name : {"tiff:Orientation=\""sv, "tiff:Orientation>"sv}) {
    const size_t at = text.find(name);
    if (at == std::string_view::npos || at + name.size() >= text.size()) continue;
    const int value = text[at + name.size()] - '0';
    if (value >= 0 && value <= 9) return valid_orientation(value);
  }
  return std::nullopt;
}

}  // namespace molmo::image
