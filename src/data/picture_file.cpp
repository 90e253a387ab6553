#include "data/picture_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.h"

namespace molmo::data {
namespace {

constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr size_t kPngHeaderBytes = 26;  // signature, length and name of the first chunk, width, height, depth, colours

uint32_t big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

bool is_png(std::string_view bytes) {
  return bytes.size() >= kPngHeaderBytes && bytes.starts_with(kPngSignature) && bytes.substr(12, 4) == "IHDR";
}

// Components of the frame of a JPEG; 0 where there is no frame.
int jpeg_components(std::string_view bytes) {
  size_t at = 2;
  while (at + 9 < bytes.size() && bytes[at] == '\xFF') {
    const auto marker = static_cast<unsigned char>(bytes[at + 1]);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return static_cast<unsigned char>(bytes[at + 9]);
    at += 2 + big_endian(bytes.substr(at + 2, 2));
  }
  return 0;
}

}  // namespace

image::Image decode_picture(const Picture& picture) {
  if (picture.pixels) return *picture.pixels;
  if (picture.bytes) return image::decode_image(std::as_bytes(std::span(*picture.bytes)), "a picture of a table");
  return image::read_image(picture.file);
}

Picture find_picture(const std::filesystem::path& folder, std::string_view name, std::string_view where) {
  const std::filesystem::path relative(name);
  const bool leads_out = relative.is_absolute() || std::find(relative.begin(), relative.end(), "..") != relative.end();
  if (name.empty() || leads_out || name.find('\0') != std::string_view::npos) {
    fail(ErrorCategory::BadData, "{}: the picture '{}' is not a file below {}", where, name, folder.string());
  }
  Picture picture;
  picture.file = folder / relative;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(picture.file, ignored)) {
    fail(ErrorCategory::BadData, "{}: its picture {} is missing", where, picture.file.string());
  }
  return picture;
}

std::optional<Picture> carried_picture(const Row& row, std::string_view column) {
  if (!row.has(column)) return std::nullopt;
  const Row picture(row.value(column), fmt::format("{}, '{}'", row.where(), column));
  const Json& bytes = picture.value("bytes");
  if (!bytes.is_binary()) {
    fail(ErrorCategory::BadData, "{}: 'bytes' is {}, expected the bytes of a picture", picture.where(),
         bytes.type_name());
  }
  const auto& binary = bytes.get_binary();
  Picture carried;
  carried.bytes = std::make_shared<const std::string>(binary.begin(), binary.end());
  return carried;
}

Picture required_picture(const Row& row, std::string_view column) {
  auto picture = carried_picture(row, column);
  if (!picture) fail(ErrorCategory::BadData, "{}: '{}' is null, expected a picture", row.where(), column);
  return *std::move(picture);
}

ImageSize png_size(std::string_view bytes, std::string_view source) {
  if (!is_png(bytes)) fail(ErrorCategory::BadData, "{}: the picture is no PNG", source);
  const ImageSize size{big_endian(bytes.substr(20, 4)), big_endian(bytes.substr(16, 4))};
  if (size.height == 0 || size.width == 0) fail(ErrorCategory::BadData, "{}: the picture is empty", source);
  return size;
}

bool has_one_channel(std::string_view bytes) {
  if (is_png(bytes)) return bytes[25] == 0 || bytes[25] == 3;
  return bytes.starts_with("\xFF\xD8") && jpeg_components(bytes) == 1;
}

}  // namespace molmo::data
