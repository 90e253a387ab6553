#include <algorithm>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "image/decoders.h"
#include "image/image.h"

namespace molmo::image {
namespace {

using namespace std::string_view_literals;

enum class Format { Jpeg, Png, Webp, Other };

struct Magic {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
  Format format;
};

// Formats that we do not read are listed only to name them in the error.
constexpr Magic kMagics[] = {
    {0, "\xFF\xD8\xFF"sv, "JPEG", Format::Jpeg},
    {0, "\x89PNG\r\n\x1A\n"sv, "PNG", Format::Png},
    {8, "WEBP"sv, "WebP", Format::Webp},
    {0, "GIF8"sv, "a GIF", Format::Other},
    {0, "BM"sv, "a BMP", Format::Other},
    {0, "II*\0"sv, "a TIFF", Format::Other},
    {0, "MM\0*"sv, "a TIFF", Format::Other},
    {0, "%!PS"sv, "an EPS", Format::Other},
    {0, "%PDF"sv, "a PDF", Format::Other},
    {0, "<svg"sv, "an SVG", Format::Other},
    {0, "<?xml"sv, "an SVG or another XML", Format::Other},
    {4, "ftypavif"sv, "an AVIF", Format::Other},
    {4, "ftypheic"sv, "a HEIC", Format::Other},
    {4, "ftypmif1"sv, "a HEIF", Format::Other},
    {0, "\0\0\1\0"sv, "an ICO", Format::Other},
    {0, "8BPS"sv, "a PSD", Format::Other},
    {0, "\xFF\x0A"sv, "a JPEG XL", Format::Other},
    {4, "JXL "sv, "a JPEG XL", Format::Other},
    {4, "jP  "sv, "a JPEG 2000", Format::Other},
};

const Magic* find_magic(std::string_view bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.size() >= magic.offset && bytes.substr(magic.offset).starts_with(magic.bytes)) return &magic;
  }
  return nullptr;
}

// Where an upright picture finds its pixels in a stored one: at start + y * down + x * right, in pixels.
struct PixelWalk {
  ImageSize size;
  int64_t start, down, right;
};

PixelWalk orientation_walk(ImageSize stored, int orientation) {
  const int64_t height = stored.height, width = stored.width;
  const int64_t last_row = (height - 1) * width, last_column = width - 1;
  const ImageSize turned{width, height};
  switch (orientation) {
    case 2:
      return {stored, last_column, width, -1};
    case 3:
      return {stored, last_row + last_column, -width, -1};
    case 4:
      return {stored, last_row, -width, 1};
    case 5:
      return {turned, 0, 1, width};
    case 6:
      return {turned, last_row, 1, -width};
    case 7:
      return {turned, last_row + last_column, -1, -width};
    case 8:
      return {turned, last_column, -1, width};
    default:
      return {stored, 0, width, 1};
  }
}

Image apply_orientation(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const PixelWalk walk = orientation_walk(stored.size, orientation);
  Image upright{walk.size, std::vector<uint8_t>(stored.pixels.size())};
  constexpr int64_t kTile = 32;  // pixels per side; keeps both access patterns of a turn in the first cache
  const auto [height, width] = walk.size;
  for (int64_t tile_y = 0; tile_y < height; tile_y += kTile) {
    for (int64_t tile_x = 0; tile_x < width; tile_x += kTile) {
      const int64_t end_x = std::min(tile_x + kTile, width);
      for (int64_t y = tile_y; y < std::min(tile_y + kTile, height); ++y) {
        uint8_t* to = upright.pixels.data() + (y * width + tile_x) * 3;
        for (int64_t x = tile_x; x < end_x; ++x, to += 3) {
          const uint8_t* from = stored.pixels.data() + (walk.start + y * walk.down + x * walk.right) * 3;
          to[0] = from[0];
          to[1] = from[1];
          to[2] = from[2];
        }
      }
    }
  }
  return upright;
}

}  // namespace

Image allocate_image(const EncodedImage& encoded, uint64_t height, uint64_t width) {
  if (height == 0 || width == 0) {
    fail(ErrorCategory::BadData, "{}: the picture is {}x{} pixels, expected at least 1x1", encoded.source, width,
         height);
  }
  const auto& [max_file_bytes, max_pixels, max_side_px] = encoded.limits;
  if (height > max_side_px || width > max_side_px || height > max_pixels / width) {
    fail(ErrorCategory::BadData, "{}: the picture is {}x{} pixels, over the limit of {} pixels and {} per side",
         encoded.source, width, height, max_pixels, max_side_px);
  }
  const ImageSize size{static_cast<int64_t>(height), static_cast<int64_t>(width)};
  return {size, std::vector<uint8_t>(height * width * 3)};
}

void warn_damaged(const EncodedImage& encoded, int64_t num_rows, ImageSize size, std::string_view reason) {
  log_warn("{}: damaged picture, only {} of {} rows could be read: {}", encoded.source, num_rows, size.height, reason);
}

Image decode_image(std::span<const std::byte> bytes, std::string_view source, const ImageLimits& limits) {
  if (bytes.empty())
    fail(ErrorCategory::BadData, "{}: the file is empty, expected a JPEG, PNG or WebP picture", source);
  if (bytes.size() > limits.max_file_bytes) {
    fail(ErrorCategory::BadData, "{}: the file has {} bytes, over the limit of {}", source, bytes.size(),
         limits.max_file_bytes);
  }
  const EncodedImage encoded{bytes, source, limits};
  const Magic* magic = find_magic({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (magic == nullptr)
    fail(ErrorCategory::BadData, "{}: not a picture that we know, expected JPEG, PNG or WebP", source);
  StoredImage stored;
  switch (magic->format) {
    case Format::Jpeg:
      stored = decode_jpeg(encoded);
      break;
    case Format::Png:
      stored = decode_png(encoded);
      break;
    case Format::Webp:
      stored = decode_webp(encoded);
      break;
    case Format::Other:
      fail(ErrorCategory::Unsupported, "{}: this is {} file, expected JPEG, PNG or WebP. Convert it first.", source,
           magic->name);
  }
  return apply_orientation(std::move(stored.image), stored.orientation);
}

Image read_image(const std::filesystem::path& path, const ImageLimits& limits) {
  const std::string bytes = read_file(path, limits.max_file_bytes);
  return decode_image(std::as_bytes(std::span(bytes)), path.string(), limits);
}

}  // namespace molmo::image
