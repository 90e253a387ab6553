// JPEG through libjpeg-turbo. Damaged and truncated data is read as far as it goes, as the reference does.
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/decoders.h"
#include "image/exif.h"

namespace molmo::image {
namespace {

// Progressive pictures can repeat scans without end; ordinary ones have about ten.
constexpr int kMaxScans = 100;
// Coefficients of a progressive picture take 6 bytes per pixel, and libjpeg needs room for rows and tables.
constexpr uint64_t kMemoryPerPixel = 8;
constexpr uint64_t kMemoryBase = 16u << 20;

// libjpeg reports fatal errors by a callback that must not return. C++ exceptions must not pass through its C frames,
// so the callback jumps back into the method of JpegReader that called the library; these hold no objects with
// destructors.
class JpegReader {
 public:
  explicit JpegReader(std::span<const std::byte> bytes) {
    decoder_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr common) { static_cast<JpegReader*>(common->client_data)->jump(); };
    errors_.output_message = [](j_common_ptr) {};
    decoder_.client_data = this;
    is_open_ = guarded([&] {
      jpeg_create_decompress(&decoder_);
      jpeg_save_markers(&decoder_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_mem_src(&decoder_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    });
  }
  ~JpegReader() { jpeg_destroy_decompress(&decoder_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header() {
    return is_open_ && guarded([&] { jpeg_read_header(&decoder_, TRUE); });
  }

  bool start(J_COLOR_SPACE color_space, uint64_t max_memory_bytes) {
    return guarded([&] {
      decoder_.out_color_space = color_space;
      decoder_.mem->max_memory_to_use = static_cast<long>(max_memory_bytes);
      progress_.progress_monitor = [](j_common_ptr common) {
        static_cast<JpegReader*>(common->client_data)->limit_scans();
      };
      decoder_.progress = &progress_;
      jpeg_start_decompress(&decoder_);
    });
  }

  bool read_row(uint8_t* row) {
    return guarded([&] { jpeg_read_scanlines(&decoder_, &row, 1); });
  }

  const jpeg_decompress_struct& decoder() const { return decoder_; }
  std::string error() const { return message_; }

 private:
  template <class Call>
  bool guarded(const Call& call) {
    if (setjmp(return_point_) != 0) return false;
    call();
    return true;
  }

  [[noreturn]] void jump() {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&decoder_), message_);
    std::longjmp(return_point_, 1);
  }

  void limit_scans() {
    if (decoder_.input_scan_number <= kMaxScans) return;
    std::snprintf(message_, sizeof message_, "more than %d scans", kMaxScans);
    std::longjmp(return_point_, 1);
  }

  jpeg_decompress_struct decoder_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf return_point_;
  char message_[JMSG_LENGTH_MAX] = "";
  bool is_open_ = false;
};

int find_orientation(const jpeg_decompress_struct& decoder) {
  constexpr std::string_view kExif{"Exif\0\0", 6}, kXmp{"http://ns.adobe.com/xap/1.0/\0", 29};
  std::optional<int> from_exif, from_xmp;
  for (jpeg_saved_marker_ptr marker = decoder.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    const auto bytes = std::as_bytes(std::span(data));
    if (data.starts_with(kExif) && !from_exif) from_exif = exif_orientation(bytes);
    if (data.starts_with(kXmp)) from_xmp = xmp_orientation(bytes);
  }
  return from_exif.value_or(from_xmp.value_or(1));
}

// Ink to light with the rounding of the reference's image library. The samples are stored inverted, as Adobe's programs
// write them.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t width) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * light + 128;
      rgb[c] = static_cast<uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
  }
}

bool has_four_inks(const jpeg_decompress_struct& decoder) {
  return decoder.jpeg_color_space == JCS_CMYK || decoder.jpeg_color_space == JCS_YCCK;
}

// Number of rows that could be read.
int64_t read_strip(JpegReader& reader, bool is_cmyk, int64_t num_rows, int64_t width, uint8_t* rows) {
  std::vector<uint8_t> inks(is_cmyk ? width * 4 : 0);
  for (int64_t y = 0; y < num_rows; ++y, rows += width * 3) {
    if (!reader.read_row(is_cmyk ? inks.data() : rows)) return y;
    if (is_cmyk) cmyk_to_rgb(inks.data(), rows, width);
  }
  return num_rows;
}

// Fills `image`, which is upright, strip by strip, so that a turned picture needs no second copy. Returns the number of
// stored rows that could be read.
int64_t read_rows(JpegReader& reader, bool is_cmyk, ImageSize stored, int orientation, Image& image) {
  const int64_t row_bytes = stored.width * 3;
  std::vector<uint8_t> strip(orientation == 1 ? 0 : row_bytes * kRowsPerStrip);
  for (int64_t y = 0; y < stored.height; y += kRowsPerStrip) {
    const int64_t num_rows = std::min(kRowsPerStrip, stored.height - y);
    uint8_t* rows = orientation == 1 ? image.pixels.data() + y * row_bytes : strip.data();
    const int64_t num_read = read_strip(reader, is_cmyk, num_rows, stored.width, rows);
    if (orientation != 1) place_rows(rows, y, num_read, stored, orientation, image);
    if (num_read < num_rows) return y + num_read;
  }
  return stored.height;
}

}  // namespace

StoredImage decode_jpeg(const EncodedImage& encoded) {
  JpegReader reader(encoded.bytes);
  if (!reader.read_header()) fail(ErrorCategory::BadData, "{}: damaged JPEG: {}", encoded.source, reader.error());
  const jpeg_decompress_struct& decoder = reader.decoder();
  const int channels = decoder.num_components;
  if (channels != 1 && channels != 3 && channels != 4) {
    fail(ErrorCategory::Unsupported, "{}: JPEG with {} components, expected 1, 3 or 4", encoded.source, channels);
  }
  Image image = allocate_image(encoded, decoder.image_height, decoder.image_width);
  const ImageSize size = image.size;
  const int orientation = find_orientation(decoder);
  image.size = upright_size(size, orientation);
  const bool is_cmyk = has_four_inks(decoder);
  const uint64_t max_memory_bytes = kMemoryBase + kMemoryPerPixel * static_cast<uint64_t>(size.height * size.width);
  if (!reader.start(is_cmyk ? JCS_CMYK : JCS_RGB, max_memory_bytes)) {
    fail(ErrorCategory::BadData, "{}: damaged JPEG: {}", encoded.source, reader.error());
  }
  const int64_t num_rows = read_rows(reader, is_cmyk, size, orientation, image);
  if (num_rows == 0) fail(ErrorCategory::BadData, "{}: damaged JPEG: {}", encoded.source, reader.error());
  if (num_rows < size.height) warn_damaged(encoded, num_rows, size, reader.error());
  return {std::move(image)};
}

}  // namespace molmo::image
