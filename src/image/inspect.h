// What the container of a picture says about itself, without decoding: format, stored size, and whether the data is
// whole. decode_image reads damaged pictures as far as it goes, as the reference does; who takes pictures from
// strangers wants to know.
//   const auto info = inspect_image(bytes);
//   if (!info) ...not a picture that we know...; if (!info->damage.empty()) ...cut off...
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/geometry.h"

namespace molmo::image {

struct EncodedInfo {
  std::string_view format;  // "jpeg", "png" or "webp"
  ImageSize size;           // as stored, before the EXIF orientation
  std::string damage;       // what is wrong, "" when the container is whole
};

// Nothing unless the bytes begin with the header of a JPEG, PNG or WebP picture that names a size. Checked: JPEG
// segments up to the end marker, PNG chunks up to IEND with the check sums of those that hold the picture, the size in
// a WebP's RIFF header. Never throws, whatever the bytes are.
std::optional<EncodedInfo> inspect_image(std::span<const std::byte> bytes);

}  // namespace molmo::image
