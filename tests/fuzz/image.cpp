#include "image/image.h"

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

constexpr int kWidth = 9, kHeight = 5;

std::vector<uint8_t> pixels(int channels) {
  std::vector<uint8_t> pixels(static_cast<size_t>(kWidth * kHeight * channels));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 37);
  return pixels;
}

std::string png(int channels, uint32_t format) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = kWidth;
  image.height = kHeight;
  image.format = format;
  const auto data = pixels(channels);
  std::string bytes(4096, '\0');
  png_alloc_size_t size = bytes.size();
  png_image_write_to_memory(&image, bytes.data(), &size, 0, data.data(), 0, nullptr);
  bytes.resize(size);
  return bytes;
}

std::string jpeg(bool is_progressive) {
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &buffer, &size);
  encoder.image_width = kWidth;
  encoder.image_height = kHeight;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  if (is_progressive) jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  // An EXIF block with an orientation: little-endian TIFF, one entry, tag 0x0112, value 6.
  const unsigned char exif[] = {'E',  'x',  'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                                0x12, 0x01, 3,   0,   1, 0, 0,   0,   6,  0, 0, 0, 0, 0, 0, 0};
  jpeg_write_marker(&encoder, JPEG_APP0 + 1, exif, sizeof(exif));
  auto data = pixels(3);
  while (encoder.next_scanline < encoder.image_height) {
    JSAMPROW row = data.data() + encoder.next_scanline * kWidth * 3;
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&encoder);
  std::free(buffer);
  return bytes;
}

std::string webp(bool is_lossless) {
  const auto data = pixels(4);
  uint8_t* buffer = nullptr;
  const size_t size = is_lossless ? WebPEncodeLosslessRGBA(data.data(), kWidth, kHeight, kWidth * 4, &buffer)
                                  : WebPEncodeRGBA(data.data(), kWidth, kHeight, kWidth * 4, 75, &buffer);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  WebPFree(buffer);
  return bytes;
}

void run(std::string_view bytes) {
  const image::ImageLimits limits = {.max_file_bytes = 1u << 20, .max_pixels = 1u << 20};
  (void)image::decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), "input", limits);
}

std::vector<std::string> seeds() {
  return {png(3, PNG_FORMAT_RGB),
          png(4, PNG_FORMAT_RGBA),
          png(1, PNG_FORMAT_GRAY),
          jpeg(false),
          jpeg(true),
          webp(false),
          webp(true)};
}

}  // namespace

Target image_target() {
  return {"image", run, seeds};
}

}  // namespace molmo::fuzz
