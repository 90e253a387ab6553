// The decoders behind decode_image, one source file per format. Each checks the declared size before it allocates,
// makes a fresh decoder for every picture (a reused one has been seen to fail on clean pictures after a damaged one),
// and throws BadData.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "image/image.h"

namespace molmo::image {

struct EncodedImage {
  std::span<const std::byte> bytes;
  std::string_view source;  // names the bytes in errors
  const ImageLimits& limits;
};

struct StoredImage {
  Image image;
  int orientation = 1;  // EXIF, 1 to 8, still to be applied
};

StoredImage decode_jpeg(const EncodedImage& encoded);
StoredImage decode_png(const EncodedImage& encoded);
StoredImage decode_webp(const EncodedImage& encoded);

// Allocates a black picture. Throws BadData for an empty picture or one beyond the limits.
Image allocate_image(const EncodedImage& encoded, uint64_t height, uint64_t width);

// Size after an EXIF orientation was applied.
ImageSize upright_size(ImageSize stored, int orientation);

// Copies stored rows [first_row, first_row + num_rows) to where they belong in the upright picture. Turning is quick
// when the rows are few enough for the cache: kRowsPerStrip.
constexpr int64_t kRowsPerStrip = 64;
void place_rows(const uint8_t* rows, int64_t first_row, int64_t num_rows, ImageSize stored, int orientation,
                Image& upright);

// Says that a damaged picture was read as far as it went.
void warn_damaged(const EncodedImage& encoded, int64_t num_rows, ImageSize size, std::string_view reason);

}  // namespace molmo::image
