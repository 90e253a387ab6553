#include "image/encode.h"

#include <png.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "base/error.h"
#include "base/file.h"

namespace molmo::image {
namespace {

void check_size(ImageSize size, int64_t channels, size_t num_bytes) {
  const auto [height, width] = size;
  if (height < 1 || width < 1 || num_bytes != static_cast<size_t>(height * width * channels)) {
    fail(ErrorCategory::InvalidArgument, "a picture of {}x{} pixels with {} bytes cannot be written", width, height,
         num_bytes);
  }
}

void check_image(const Image& image) {
  check_size(image.size, 3, image.pixels.size());
}

// As the decoders: libraries report errors by callbacks that must not return, so they jump back into a method that
// holds no objects with destructors.
class PngWriter {
 public:
  explicit PngWriter(std::string& bytes) : bytes_(bytes) {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  // [height, width, channels], 3 for RGB or 1 for gray.
  bool write(const uint8_t* pixels, ImageSize size, size_t channels) {
    if (info_ == nullptr || setjmp(png_jmpbuf(png_)) != 0) return false;
    const auto height = static_cast<png_uint_32>(size.height), width = static_cast<png_uint_32>(size.width);
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_write_fn(png_, this, append, nullptr);
    png_set_IHDR(png_, info_, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    for (png_uint_32 y = 0; y < height; ++y) png_write_row(png_, pixels + size_t{y} * width * channels);
    png_write_end(png_, info_);
    return true;
  }

 private:
  static void append(png_structp png, png_bytep data, size_t num_bytes) {
    auto* writer = static_cast<PngWriter*>(png_get_io_ptr(png));
    bool is_appended = true;
    try {
      writer->bytes_.append(reinterpret_cast<const char*>(data), num_bytes);
    } catch (const std::exception&) {
      is_appended = false;
    }
    if (!is_appended) png_error(png, "out of memory");
  }
  [[noreturn]] static void on_error(png_structp png, png_const_charp) { png_longjmp(png, 1); }

  std::string& bytes_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

class JpegWriter {
 public:
  JpegWriter() {
    encoder_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr common) {
      std::longjmp(static_cast<JpegWriter*>(common->client_data)->return_point_, 1);
    };
    errors_.output_message = [](j_common_ptr) {};
    encoder_.client_data = this;
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&encoder_);
    std::free(bytes_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  bool write(const Image& image, int quality) {
    if (setjmp(return_point_) != 0) return false;
    jpeg_create_compress(&encoder_);
    jpeg_mem_dest(&encoder_, &bytes_, &num_bytes_);
    encoder_.image_height = static_cast<JDIMENSION>(image.size.height);
    encoder_.image_width = static_cast<JDIMENSION>(image.size.width);
    encoder_.input_components = 3;
    encoder_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder_);
    jpeg_set_quality(&encoder_, quality, TRUE);
    jpeg_start_compress(&encoder_, TRUE);
    while (encoder_.next_scanline < encoder_.image_height) {
      auto* row = const_cast<JSAMPROW>(image.pixels.data() + size_t{encoder_.next_scanline} * encoder_.image_width * 3);
      jpeg_write_scanlines(&encoder_, &row, 1);
    }
    jpeg_finish_compress(&encoder_);
    return true;
  }

  std::string bytes() const { return std::string(reinterpret_cast<const char*>(bytes_), num_bytes_); }

 private:
  jpeg_compress_struct encoder_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf return_point_;
  unsigned char* bytes_ = nullptr;
  unsigned long num_bytes_ = 0;
};

}  // namespace

std::string encode_png(const Image& image) {
  check_image(image);
  std::string bytes;
  if (!PngWriter(bytes).write(image.pixels.data(), image.size, 3))
    fail(ErrorCategory::OutOfMemory, "a PNG could not be encoded");
  return bytes;
}

std::string encode_gray_png(std::span<const uint8_t> gray, ImageSize size) {
  check_size(size, 1, gray.size());
  std::string bytes;
  if (!PngWriter(bytes).write(gray.data(), size, 1)) fail(ErrorCategory::OutOfMemory, "a PNG could not be encoded");
  return bytes;
}

std::string encode_jpeg(const Image& image, int quality) {
  check_image(image);
  if (quality < 1 || quality > 100)
    fail(ErrorCategory::InvalidArgument, "JPEG quality is {}, expected 1 to 100", quality);
  if (image.size.height > JPEG_MAX_DIMENSION || image.size.width > JPEG_MAX_DIMENSION) {
    fail(ErrorCategory::InvalidArgument, "a picture of {}x{} pixels is too large for JPEG, at most {} per side",
         image.size.width, image.size.height, JPEG_MAX_DIMENSION);
  }
  JpegWriter writer;
  if (!writer.write(image, quality)) fail(ErrorCategory::OutOfMemory, "a JPEG could not be encoded");
  return writer.bytes();
}

void write_png(const Image& image, const std::filesystem::path& path) {
  write_file_atomic(path, encode_png(image));
}

void write_jpeg(const Image& image, const std::filesystem::path& path, int quality) {
  write_file_atomic(path, encode_jpeg(image, quality));
}

}  // namespace molmo::image
