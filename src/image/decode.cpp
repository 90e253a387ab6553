#include <algorithm>
#include <cstring>
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

// Where an upright picture has the pixels of a stored one: at start + row * down + column * right, in pixels.
struct PixelWalk {
  int64_t start, down, right;
};

PixelWalk upright_walk(ImageSize stored, int orientation) {
  const int64_t height = stored.height, width = stored.width, last = height * width - 1;
  switch (orientation) {
    case 2:
      return {width - 1, width, -1};
    case 3:
      return {last, -width, -1};
    case 4:
      return {(height - 1) * width, -width, 1};
    case 5:
      return {0, 1, height};
    case 6:
      return {height - 1, -1, height};
    case 7:
      return {last, -1, -height};
    case 8:
      return {(width - 1) * height, 1, -height};
    default:
      return {0, width, 1};
  }
}

// Steps are in pixels.
void copy_pixels(const uint8_t* from, int64_t from_step, uint8_t* to, int64_t to_step, int64_t count) {
  for (int64_t i = 0; i < count; ++i, from += from_step * 3, to += to_step * 3) std::memcpy(to, from, 3);
}

Image apply_orientation(StoredImage stored) {
  if (stored.orientation == 1) return std::move(stored.image);
  const ImageSize size = stored.image.size;
  Image upright{upright_size(size, stored.orientation), std::vector<uint8_t>(stored.image.pixels.size())};
  for (int64_t y = 0; y < size.height; y += kRowsPerStrip) {
    const int64_t num_rows = std::min(kRowsPerStrip, size.height - y);
    place_rows(stored.image.pixels.data() + y * size.width * 3, y, num_rows, size, stored.orientation, upright);
  }
  return upright;
}

}  // namespace

ImageSize upright_size(ImageSize stored, int orientation) {
  return orientation >= 5 ? ImageSize{stored.width, stored.height} : stored;
}

void place_rows(const uint8_t* rows, int64_t first_row, int64_t num_rows, ImageSize stored, int orientation,
                Image& upright) {
  const auto [start, down, right] = upright_walk(stored, orientation);
  uint8_t* to = upright.pixels.data() + (start + first_row * down) * 3;
  if (orientation < 5) {
    for (int64_t y = 0; y < num_rows; ++y)
      copy_pixels(rows + y * stored.width * 3, 1, to + y * down * 3, right, stored.width);
  } else {
    // A column becomes a part of a row.
    for (int64_t x = 0; x < stored.width; ++x)
      copy_pixels(rows + x * 3, stored.width, to + x * right * 3, down, num_rows);
  }
}

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
  return apply_orientation(std::move(stored));
}

Image read_image(const std::filesystem::path& path, const ImageLimits& limits) {
  const std::string bytes = read_file(path, limits.max_file_bytes);
  return decode_image(std::as_bytes(std::span(bytes)), path.string(), limits);
}

}  // namespace molmo::image
