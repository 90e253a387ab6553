// Pictures.
//   molmo::Image photo = molmo::Image::read("photo.jpg");
//   molmo::Image frame = molmo::Image::from_rgb(480, 640, camera_buffer);
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "molmo/export.h"

namespace molmo {

// What is read at most; checked before anything is decoded.
struct ImageLimits {
  uint64_t max_file_bytes = 20u << 20;
  uint64_t max_pixels = 64u << 20;
};

// An upright RGB picture with 8 bits per channel. Copies share the pixels, which never change.
class MOLMO_API Image {
 public:
  // JPEG, PNG or WebP, told apart by their first bytes; the EXIF orientation is applied, alpha is dropped.
  // Throws Error: NotFound, Io, or BadData.
  static Image read(const std::filesystem::path& path, const ImageLimits& limits = {});
  // The same for a file that is in memory already.
  static Image decode(const void* bytes, size_t size, const ImageLimits& limits = {});
  // Copies height * width * 3 bytes: rows from the top, pixels from the left, red, green, blue.
  static Image from_rgb(int64_t height, int64_t width, const uint8_t* pixels);

  int64_t height() const;
  int64_t width() const;
  const uint8_t* pixels() const;  // [height, width, 3]

  struct Impl;
  const Impl& impl() const { return *impl_; }  // for the library itself

 private:
  explicit Image(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace molmo
