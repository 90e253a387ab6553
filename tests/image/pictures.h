// Encoded pictures made by hand, so that tests know every byte: PNG with stored (not compressed) data, JPEG through
// libjpeg with any component count and scan layout, WebP containers, EXIF blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include <jpeglib.h>
#include <webp/encode.h>

#include "image/image.h"

namespace molmo::test {

inline std::string big_endian(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = num_bytes - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

inline std::string little_endian(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// A TIFF block with one entry, the orientation.
inline std::string exif_block(int orientation, bool is_big_endian = true) {
  const auto number = [&](uint64_t value, int num_bytes) {
    return is_big_endian ? big_endian(value, num_bytes) : little_endian(value, num_bytes);
  };
  return (is_big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) + number(1, 2) + number(0x0112, 2) +
         number(3, 2) + number(1, 4) + number(orientation, 2) + number(0, 2) + number(0, 4);
}

// ---- PNG

inline uint32_t crc32(const std::string& bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

inline std::string png_chunk(const std::string& name, const std::string& content) {
  return big_endian(content.size(), 4) + name + content + big_endian(crc32(name + content), 4);
}

// zlib stream of stored blocks.
inline std::string zlib_stored(const std::string& bytes) {
  std::string stream = "\x78\x01";
  uint32_t a = 1, b = 0;
  for (size_t at = 0; at == 0 || at < bytes.size(); at += 65535) {
    const std::string block = bytes.substr(at, 65535);
    stream += static_cast<char>(at + 65535 >= bytes.size());
    stream += little_endian(block.size(), 2) + little_endian(~block.size(), 2) + block;
  }
  for (const char c : bytes) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return stream + big_endian(b << 16 | a, 4);
}

// zlib stream of `count` zeros: one literal, then copies of 258 bytes in 13 bits each. Never ends, and has no check
// sum.
inline std::string zlib_zeros(uint64_t count) {
  std::string stream = "\x78\x01";
  uint32_t bits = 0;
  int num_bits = 0;
  const auto put = [&](uint32_t value, int size) {
    for (int i = 0; i < size; ++i) {
      bits |= (value >> i & 1) << num_bits;
      if (++num_bits == 8) stream += static_cast<char>(bits), bits = 0, num_bits = 0;
    }
  };
  put(1, 1), put(1, 2);                                                        // last block, fixed codes
  put(0b00001100, 8);                                                          // literal 0 (0x30, first bit first)
  for (uint64_t at = 1; at < count; at += 258) put(0b10100011, 8), put(0, 5);  // length 258 (0xC5), distance 1
  put(0, 8);
  return stream;
}

struct PngHeader {
  uint32_t width = 1, height = 1;
  int bit_depth = 8, color_type = 2, interlace = 0;
};

inline const std::string kPngMagic = "\x89PNG\r\n\x1A\n";

inline std::string png_header(const PngHeader& header) {
  return kPngMagic + png_chunk("IHDR", big_endian(header.width, 4) + big_endian(header.height, 4) +
                                           static_cast<char>(header.bit_depth) + static_cast<char>(header.color_type) +
                                           std::string(2, '\0') + static_cast<char>(header.interlace));
}

// `rows` are the packed samples of each row, without filter bytes. `chunks` go in front of the picture data.
inline std::string png(const PngHeader& header, const std::vector<std::string>& rows, const std::string& chunks = "",
                       const std::string& trailing = "") {
  std::string data;
  for (const std::string& row : rows) data += '\0' + row;
  return png_header(header) + chunks + png_chunk("IDAT", zlib_stored(data)) + trailing + png_chunk("IEND", "");
}

// ---- JPEG

struct JpegLayout {
  int components = 3;
  J_COLOR_SPACE color_space = JCS_RGB;  // of the samples
  J_COLOR_SPACE stored_space = JCS_YCbCr;
  int quality = 90;
  bool is_progressive = false;
  bool is_subsampled = true;
  bool has_arithmetic_coding = false;
  int restart_interval = 0;
  std::string exif = "";  // put into APP1 when not empty
};

// samples: [height, width, components].
inline std::string jpeg(int height, int width, const std::vector<uint8_t>& samples, const JpegLayout& layout = {}) {
  jpeg_compress_struct encoder{};
  jpeg_error_mgr errors{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* bytes = nullptr;
  unsigned long num_bytes = 0;
  jpeg_mem_dest(&encoder, &bytes, &num_bytes);
  encoder.image_height = height;
  encoder.image_width = width;
  encoder.input_components = layout.components;
  encoder.in_color_space = layout.color_space;
  jpeg_set_defaults(&encoder);
  jpeg_set_colorspace(&encoder, layout.stored_space);
  jpeg_set_quality(&encoder, layout.quality, TRUE);
  if (layout.is_progressive) jpeg_simple_progression(&encoder);
  if (!layout.is_subsampled) encoder.comp_info[0].h_samp_factor = encoder.comp_info[0].v_samp_factor = 1;
  encoder.arith_code = layout.has_arithmetic_coding;
  encoder.restart_interval = layout.restart_interval;
  jpeg_start_compress(&encoder, TRUE);
  if (!layout.exif.empty()) {
    const std::string marker = std::string("Exif\0\0", 6) + layout.exif;
    jpeg_write_marker(&encoder, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(marker.data()),
                      static_cast<unsigned>(marker.size()));
  }
  for (int y = 0; y < height; ++y) {
    auto* row = const_cast<JSAMPROW>(samples.data() + size_t(y) * width * layout.components);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  std::string result(reinterpret_cast<const char*>(bytes), num_bytes);
  std::free(bytes);
  return result;
}

// ---- WebP

inline std::string riff_chunk(const std::string& name, const std::string& content) {
  return name + little_endian(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}

inline std::string webp_file(const std::string& chunks) {
  return "RIFF" + little_endian(4 + chunks.size(), 4) + "WEBP" + chunks;
}

// The picture's chunk alone ("VP8 " or "VP8L").
inline std::string webp_chunk(int height, int width, const std::vector<uint8_t>& rgb, bool is_lossless) {
  uint8_t* bytes = nullptr;
  const size_t num_bytes = is_lossless ? WebPEncodeLosslessRGB(rgb.data(), width, height, width * 3, &bytes)
                                       : WebPEncodeRGB(rgb.data(), width, height, width * 3, 80, &bytes);
  std::string chunk(reinterpret_cast<const char*>(bytes) + 12, num_bytes - 12);
  WebPFree(bytes);
  return chunk;
}

// Extended header: flags 0x08 EXIF, 0x02 animation.
inline std::string webp_extended(int height, int width, int flags, const std::string& chunks) {
  return webp_file(
      riff_chunk("VP8X", little_endian(flags, 4) + little_endian(width - 1, 3) + little_endian(height - 1, 3)) +
      chunks);
}

inline std::string webp_frame(int y, int x, int height, int width, const std::string& chunk) {
  return riff_chunk("ANMF", little_endian(x / 2, 3) + little_endian(y / 2, 3) + little_endian(width - 1, 3) +
                                little_endian(height - 1, 3) + little_endian(100, 3) + '\0' + chunk);
}

// ---- Pixels

// Smooth in all channels, and no two neighbours alike.
inline std::vector<uint8_t> gradient(int height, int width, int channels) {
  std::vector<uint8_t> samples;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) samples.push_back(static_cast<uint8_t>(x * 5 + y * 3 + c * 40));
    }
  }
  return samples;
}

inline image::Image decode(const std::string& bytes, const image::ImageLimits& limits = {}) {
  return image::decode_image(std::as_bytes(std::span(bytes)), "test", limits);
}

}  // namespace molmo::test
