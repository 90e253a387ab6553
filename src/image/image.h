// Pictures in memory, and reading them from files.
//   Image image = read_image("photo.jpg");
// JPEG, PNG and WebP are told apart by their first bytes, never by the file name. The EXIF orientation is applied;
// alpha is dropped, palettes and gray are expanded, 16-bit samples keep their high byte, as the reference does. Throws
// NotFound, Io, or BadData; never reads beyond the limits, and decodes nothing before the size was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/geometry.h"

namespace molmo::image {

struct Image {
  ImageSize size;
  std::vector<uint8_t> pixels;  // [height, width, 3], RGB
};

struct ImageLimits {
  uint64_t max_file_bytes = 20u << 20;
  uint64_t max_pixels = 64u << 20;
};

// `source` names the bytes in errors.
Image decode_image(std::span<const std::byte> bytes, std::string_view source, const ImageLimits& limits = {});
Image read_image(const std::filesystem::path& path, const ImageLimits& limits = {});

}  // namespace molmo::image
