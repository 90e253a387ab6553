// Pictures in memory, and reading them from files.
//   Image image = read_image("photo.jpg");
// JPEG, PNG and WebP are told apart by their first bytes, never by the file name. As in the reference: the EXIF
// orientation is applied; alpha is dropped, not blended; palettes and gray are expanded; 16-bit colours keep their high
// byte, but 16-bit gray is limited to 0..255; four inks become light; a truncated JPEG or PNG is read as far as it goes
// (the rest is gray or black, and a warning is logged). Of an animation, the first frame. Throws NotFound, Io, BadData,
// or Unsupported (other formats); checks the size before it decodes or allocates.
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
  uint64_t max_side_px = 1u << 17;
};

// `source` names the bytes in errors.
Image decode_image(std::span<const std::byte> bytes, std::string_view source, const ImageLimits& limits = {});
Image read_image(const std::filesystem::path& path, const ImageLimits& limits = {});

}  // namespace molmo::image
