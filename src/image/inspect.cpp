#include "image/inspect.h"

#include <fmt/core.h>
#include <webp/decode.h>

#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>

namespace molmo::image {
namespace {

using namespace std::string_view_literals;

uint32_t read_be(std::string_view data, size_t offset, size_t num_bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < num_bytes; ++i) value = value << 8 | static_cast<uint8_t>(data[offset + i]);
  return value;
}

uint32_t crc32(std::string_view data) {
  static const auto kTable = [] {
    std::array<uint32_t, 256> table;
    for (uint32_t i = 0; i < table.size(); ++i) {
      table[i] = i;
      for (int bit = 0; bit < 8; ++bit) table[i] = (table[i] & 1) != 0 ? 0xEDB88320u ^ (table[i] >> 1) : table[i] >> 1;
    }
    return table;
  }();
  uint32_t crc = ~0u;
  for (const char c : data) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

// A chunk is its length (4 bytes), its name (4), that many bytes, and a check sum of name and bytes (4).
std::string find_png_damage(std::string_view data) {
  size_t offset = 8;
  while (data.size() - offset >= 12) {
    const size_t num_bytes = read_be(data, offset, 4);
    const std::string_view name = data.substr(offset + 4, 4);
    if (num_bytes > data.size() - offset - 12) break;
    const bool is_critical = std::isupper(static_cast<uint8_t>(name[0])) != 0;
    if (is_critical && crc32(data.substr(offset + 4, 4 + num_bytes)) != read_be(data, offset + 8 + num_bytes, 4)) {
      return fmt::format("the check sum of a chunk at byte {} is wrong", offset);
    }
    if (name == "IEND") return "";
    offset += 12 + num_bytes;
  }
  return "the data ends before the last chunk";
}

std::optional<EncodedInfo> inspect_png(std::string_view data) {
  constexpr size_t kHeaderBytes = 8 + 25;
  if (data.size() < kHeaderBytes || data.substr(12, 4) != "IHDR") return std::nullopt;
  const uint32_t width = read_be(data, 16, 4), height = read_be(data, 20, 4);
  return EncodedInfo{"png", {height, width}, find_png_damage(data)};
}

// Behind the entropy-coded data of a scan: at the marker that ends it, or npos.
size_t skip_scan(std::string_view data, size_t offset) {
  while ((offset = data.find('\xFF', offset)) != data.npos && offset + 1 < data.size()) {
    const auto next = static_cast<uint8_t>(data[offset + 1]);
    const bool is_restart = next >= 0xD0 && next <= 0xD7;
    if (next != 0 && next != 0xFF && !is_restart) return offset;
    offset += next == 0xFF ? 1 : 2;
  }
  return data.npos;
}

std::optional<EncodedInfo> inspect_jpeg(std::string_view data) {
  EncodedInfo info{"jpeg", {}, "the data ends before the end marker"};
  bool has_scan = false;
  size_t offset = 2;
  while ((offset = data.find('\xFF', offset)) != data.npos && offset + 1 < data.size()) {
    const auto marker = static_cast<uint8_t>(data[++offset]);
    if (marker == 0xFF) continue;
    ++offset;
    if (marker == 0xD9) {
      if (has_scan) info.damage.clear();
      break;
    }
    const bool has_no_content = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (has_no_content) continue;
    if (data.size() - offset < 2) break;
    const size_t num_bytes = read_be(data, offset, 2);
    if (num_bytes < 2 || num_bytes > data.size() - offset) break;
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame && num_bytes >= 8) info.size = {read_be(data, offset + 3, 2), read_be(data, offset + 5, 2)};
    offset += num_bytes;
    if (marker == 0xDA) {
      has_scan = true;
      offset = skip_scan(data, offset);
      if (offset == data.npos) break;
    }
  }
  if (info.size.height == 0 || info.size.width == 0) return std::nullopt;
  return info;
}

std::optional<EncodedInfo> inspect_webp(std::string_view data) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(reinterpret_cast<const uint8_t*>(data.data()), data.size(), &features) != VP8_STATUS_OK) {
    return std::nullopt;
  }
  uint32_t riff_bytes = 0;
  for (size_t i = 4; i-- > 0;) riff_bytes = riff_bytes << 8 | static_cast<uint8_t>(data[4 + i]);
  EncodedInfo info{"webp", {features.height, features.width}, ""};
  if (data.size() - 8 < riff_bytes) info.damage = "the data ends before the length that its header names";
  return info;
}

}  // namespace

std::optional<EncodedInfo> inspect_image(std::span<const std::byte> bytes) {
  const std::string_view data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::optional<EncodedInfo> info;
  if (data.starts_with("\xFF\xD8\xFF"sv)) info = inspect_jpeg(data);
  if (data.starts_with("\x89PNG\r\n\x1A\n"sv)) info = inspect_png(data);
  if (data.size() >= 12 && data.starts_with("RIFF"sv) && data.substr(8, 4) == "WEBP") info = inspect_webp(data);
  if (!info || info->size.height <= 0 || info->size.width <= 0) return std::nullopt;
  return info;
}

}  // namespace molmo::image
