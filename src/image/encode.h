// Writing pictures: to memory, and to files that are either complete or not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "image/image.h"

namespace molmo::image {

std::string encode_png(const Image& image);
// `gray` is [height, width], one channel.
std::string encode_gray_png(std::span<const uint8_t> gray, ImageSize size);
// `quality` is 1 to 100.
std::string encode_jpeg(const Image& image, int quality = 90);

// Throw Io when the file cannot be written; an existing file is replaced only by a whole new one.
void write_png(const Image& image, const std::filesystem::path& path);
void write_jpeg(const Image& image, const std::filesystem::path& path, int quality = 90);

}  // namespace molmo::image
