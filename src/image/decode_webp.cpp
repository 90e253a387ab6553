// WebP through libwebp. Of an animation, the first frame.
#include <webp/decode.h>

#include <optional>

#include "base/error.h"
#include "image/decoders.h"
#include "image/exif.h"

namespace molmo::image {
namespace {

using Bytes = std::span<const std::byte>;

uint32_t read_le(Bytes bytes, size_t offset, size_t num_bytes) {
  uint32_t value = 0;
  for (size_t i = num_bytes; i-- > 0;) value = value << 8 | std::to_integer<uint32_t>(bytes[offset + i]);
  return value;
}

// Content of the first chunk of a kind in a sequence of RIFF chunks.
std::optional<Bytes> find_chunk(Bytes chunks, std::string_view name) {
  while (chunks.size() >= 8) {
    const uint64_t num_bytes = read_le(chunks, 4, 4);
    const Bytes content = chunks.subspan(8);
    if (num_bytes > content.size()) return std::nullopt;
    if (std::string_view(reinterpret_cast<const char*>(chunks.data()), 4) == name) return content.first(num_bytes);
    chunks = content.subspan(std::min<uint64_t>(content.size(), num_bytes + num_bytes % 2));
  }
  return std::nullopt;
}

[[noreturn]] void fail_damaged(const EncodedImage& encoded, std::string_view reason) {
  fail(ErrorCategory::BadData, "{}: damaged WebP: {}", encoded.source, reason);
}

void decode_into(const EncodedImage& encoded, Bytes bytes, Image& image, int64_t y, int64_t x) {
  const int64_t stride = image.size.width * 3, offset = y * stride + x * 3;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  uint8_t* pixels = image.pixels.data() + offset;
  if (!WebPDecodeRGBInto(data, bytes.size(), pixels, image.pixels.size() - offset, static_cast<int>(stride))) {
    fail_damaged(encoded, "the picture data cannot be decoded");
  }
}

// A frame is placed on a black canvas. Header: x / 2, y / 2, width - 1, height - 1, duration (3 bytes each), flags (1
// byte).
void decode_first_frame(const EncodedImage& encoded, Bytes chunks, Image& canvas) {
  constexpr size_t kHeaderBytes = 16;
  const auto frame = find_chunk(chunks, "ANMF");
  if (!frame || frame->size() < kHeaderBytes) fail_damaged(encoded, "animation without a whole frame");
  const int64_t x = 2 * int64_t{read_le(*frame, 0, 3)}, y = 2 * int64_t{read_le(*frame, 3, 3)};
  const Bytes parts = frame->subspan(kHeaderBytes);
  auto data = find_chunk(parts, "VP8 ");
  if (!data) data = find_chunk(parts, "VP8L");
  int width = 0, height = 0;
  if (!data || !WebPGetInfo(reinterpret_cast<const uint8_t*>(data->data()), data->size(), &width, &height)) {
    fail_damaged(encoded, "animation frame without picture data");
  }
  if (x + width > canvas.size.width || y + height > canvas.size.height)
    fail_damaged(encoded, "frame outside of its canvas");
  decode_into(encoded, *data, canvas, y, x);
}

}  // namespace

StoredImage decode_webp(const EncodedImage& encoded) {
  WebPBitstreamFeatures features;
  const auto* data = reinterpret_cast<const uint8_t*>(encoded.bytes.data());
  if (WebPGetFeatures(data, encoded.bytes.size(), &features) != VP8_STATUS_OK)
    fail_damaged(encoded, "the header cannot be read");
  StoredImage stored{allocate_image(encoded, features.height, features.width)};
  const Bytes chunks = encoded.bytes.subspan(12);  // behind "RIFF", size, "WEBP", which the magic was recognised by
  if (features.has_animation) {
    decode_first_frame(encoded, chunks, stored.image);
  } else {
    decode_into(encoded, encoded.bytes, stored.image, 0, 0);
  }
  std::optional<int> orientation;
  if (const auto exif = find_chunk(chunks, "EXIF")) orientation = exif_orientation(*exif);
  if (const auto xmp = find_chunk(chunks, "XMP "); xmp && !orientation) orientation = xmp_orientation(*xmp);
  stored.orientation = orientation.value_or(1);
  return stored;
}

}  // namespace molmo::image
