// The one thing that we read from EXIF: which way up the picture is.
#pragma once

#include <cstddef>
#include <span>

namespace molmo::image {

// Value of the orientation tag, 1 to 8, from the bytes of an EXIF block with or without its "Exif\0\0" marker.
// 1 (upright) when the block is damaged or says nothing, as the reference's image library does.
int exif_orientation(std::span<const std::byte> exif);

}  // namespace molmo::image
