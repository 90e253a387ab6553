// PNG through libpng's progressive reader, which hands over every row that the data still holds before it meets damage.
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "image/decoders.h"
#include "image/exif.h"

namespace molmo::image {
namespace {

// Chunks that change nothing in the pixels that we want. Unread, they cannot hide bombs.
constexpr std::array<const char*, 15> kIgnoredChunks = {"bKGD", "cHRM", "gAMA", "hIST", "iCCP", "iTXt", "oFFs", "pCAL",
                                                        "pHYs", "sBIT", "sCAL", "sPLT", "sRGB", "tEXt", "zTXt"};

// libpng reports fatal errors by a callback that must not return, and calls us back for header and rows. C++ exceptions
// must not pass through its C frames: errors jump, and an exception of ours is kept and rethrown by read().
class PngReader {
 public:
  explicit PngReader(const EncodedImage& encoded) : encoded_(encoded) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail(ErrorCategory::OutOfMemory, "{}: no memory for a PNG decoder", encoded.source);
    }
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  StoredImage read() {
    const bool is_whole = process();
    if (exception_) std::rethrow_exception(exception_);
    const int64_t height = stored_.image.size.height;
    if (num_rows_ == 0) fail(ErrorCategory::BadData, "{}: damaged PNG: {}", encoded_.source, error());
    if (!is_whole && num_rows_ < height) warn_damaged(encoded_, num_rows_, stored_.image.size, error());
    return std::move(stored_);
  }

 private:
  // Holds no objects with destructors: errors jump into it.
  bool process() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // The reference does not look at check sums of picture data.
    png_set_crc_action(png_, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    for (const char* name : kIgnoredChunks) {
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, reinterpret_cast<png_const_bytep>(name), 1);
    }
    // libpng's progressive reader does not know eXIf, so we take it as a chunk of our own.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_ALWAYS, reinterpret_cast<png_const_bytep>("eXIf"), 1);
    png_set_read_user_chunk_fn(png_, this, on_chunk);
    png_set_progressive_read_fn(png_, this, on_header, on_row, on_end);
    const auto* bytes = reinterpret_cast<const png_byte*>(encoded_.bytes.data());
    png_process_data(png_, info_, const_cast<png_bytep>(bytes), encoded_.bytes.size());
    return is_at_end_;
  }

  // All colour types become 8-bit RGB; alpha is dropped.
  void start() {
    const png_uint_32 height = png_get_image_height(png_, info_), width = png_get_image_width(png_, info_);
    stored_.image = allocate_image(encoded_, height, width);
    const int color_type = png_get_color_type(png_, info_), bit_depth = png_get_bit_depth(png_, info_);
    if (color_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color_type == PNG_COLOR_TYPE_GRAY && bit_depth == 16) {
      log_warn(
          "{}: 16-bit gray is limited to 0..255, as the reference does; convert it to 8 bits to see more than white",
          encoded_.source);
      png_set_read_user_transform_fn(png_, saturate_gray16);
      png_set_user_transform_info(png_, nullptr, 8, 3);
    } else {
      if (color_type == PNG_COLOR_TYPE_GRAY && bit_depth < 8) png_set_expand_gray_1_2_4_to_8(png_);
      if (color_type == PNG_COLOR_TYPE_GRAY || color_type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png_);
      if (bit_depth == 16) png_set_strip_16(png_);
      png_set_strip_alpha(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    if (png_get_rowbytes(png_, info_) != size_t{width} * 3) png_error(png_, "unexpected row layout");
  }

  // The reference reads 16-bit gray as integers and then limits them to 0..255. Works in place, from the back: rows
  // grow.
  static void saturate_gray16(png_structp, png_row_infop row, png_bytep data) {
    for (size_t x = row->width; x-- > 0;) {
      const png_byte value = data[2 * x] != 0 ? 255 : data[2 * x + 1];
      data[3 * x] = data[3 * x + 1] = data[3 * x + 2] = value;
    }
  }

  static PngReader& self(png_structp png) { return *static_cast<PngReader*>(png_get_progressive_ptr(png)); }

  static void on_header(png_structp png, png_infop) {
    PngReader& reader = self(png);
    try {
      reader.start();
      return;
    } catch (...) {
      reader.exception_ = std::current_exception();
    }
    png_longjmp(png, 1);
  }

  static void on_row(png_structp png, png_bytep new_row, png_uint_32 row_index, int) {
    PngReader& reader = self(png);
    Image& image = reader.stored_.image;
    if (new_row == nullptr || row_index >= image.size.height) return;
    png_progressive_combine_row(png, image.pixels.data() + size_t{row_index} * image.size.width * 3, new_row);
    reader.num_rows_ = std::max<int64_t>(reader.num_rows_, int64_t{row_index} + 1);
  }

  static int on_chunk(png_structp png, png_unknown_chunkp chunk) {
    if (std::memcmp(chunk->name, "eXIf", 4) == 0) {
      self(png).stored_.orientation = exif_orientation(std::as_bytes(std::span(chunk->data, chunk->size))).value_or(1);
    }
    constexpr int kDiscard = 1;
    return kDiscard;
  }

  static void on_end(png_structp png, png_infop) { self(png).is_at_end_ = true; }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(reader->message_, sizeof reader->message_, "%s", message);
    png_longjmp(png, 1);
  }

  std::string error() const { return message_[0] != 0 ? message_ : "the data ends early"; }

  const EncodedImage& encoded_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  StoredImage stored_;
  int64_t num_rows_ = 0;
  bool is_at_end_ = false;
  std::exception_ptr exception_;
  char message_[256] = "";
};

}  // namespace

StoredImage decode_png(const EncodedImage& encoded) {
  return PngReader(encoded).read();
}

}  // namespace molmo::image
