// The one thing that we read from EXIF and XMP: which way up the picture is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace molmo::image {

// Value of the orientation tag, 1 to 8, from the bytes of an EXIF block with or without its "Exif\0\0" marker; foreign
// values count as 1. Nothing when the block is damaged or does not say.
std::optional<int> exif_orientation(std::span<const std::byte> exif);

// The same from an XMP packet, where the reference's image library looks when EXIF does not say.
std::optional<int> xmp_orientation(std::span<const std::byte> xmp);

}  // namespace molmo::image
