// Odd and hostile pictures: each decodes, or throws one Error that names it. None crashes (run under the sanitizers),
// and none takes memory beyond what its limits allow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/error.h"
#include "base/process_memory.h"
#include "base/random.h"
#include "image/crops.h"
#include "image/encode.h"
#include "pictures.h"

namespace molmo::image {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr uint64_t kSmallLimit = 1u << 20;  // pixels, so that damaged sizes stay cheap

struct Outcome {
  std::optional<Image> image;
  std::optional<ErrorCategory> error;
  std::string message;
};

Outcome outcome_of(const std::string& bytes, const ImageLimits& limits = {}) {
  try {
    Image image = decode(bytes, limits);
    EXPECT_EQ(image.pixels.size(), static_cast<size_t>(image.size.height * image.size.width * 3));
    EXPECT_LE(static_cast<uint64_t>(image.size.height * image.size.width), limits.max_pixels);
    return {std::move(image), std::nullopt, ""};
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("test")) << "the error names its source";
    return {std::nullopt, error.category(), error.what()};
  }
}

void expect_refused(const std::string& bytes, ErrorCategory category, const std::string& part,
                    const std::string& what) {
  const Outcome outcome = outcome_of(bytes);
  ASSERT_TRUE(outcome.error) << what << " was decoded";
  EXPECT_EQ(*outcome.error, category) << what << ": " << outcome.message;
  EXPECT_THAT(outcome.message, HasSubstr(part)) << what;
}

void expect_decodes(const std::string& bytes, ImageSize size, const std::string& what) {
  const Outcome outcome = outcome_of(bytes);
  ASSERT_TRUE(outcome.image) << what << ": " << outcome.message;
  EXPECT_EQ(outcome.image->size, size) << what;
}

std::string patched(std::string bytes, size_t at, const std::string& replacement) {
  return bytes.replace(at, replacement.size(), replacement);
}

std::string sample_jpeg() {
  return jpeg(40, 50, gradient(40, 50, 3), {.exif = exif_block(6)});
}
std::string sample_progressive() {
  return jpeg(40, 50, gradient(40, 50, 3), {.is_progressive = true});
}
std::string sample_png() {
  return encode_png({{40, 50}, gradient(40, 50, 3)});
}
std::string sample_webp() {
  return webp_file(webp_chunk(40, 50, gradient(40, 50, 3), false));
}
std::string sample_lossless_webp() {
  return webp_extended(40, 50, 0x08, webp_chunk(40, 50, gradient(40, 50, 3), true) + riff_chunk("EXIF", exif_block(3)));
}

struct Sample {
  std::string name, bytes;
};

std::vector<Sample> samples() {
  return {{"jpeg", sample_jpeg()},
          {"progressive jpeg", sample_progressive()},
          {"png", sample_png()},
          {"webp", sample_webp()},
          {"lossless webp", sample_lossless_webp()}};
}

// JPEG with other sizes written into its frame header.
std::string jpeg_declaring(int height, int width, bool is_progressive) {
  const std::string bytes = is_progressive ? sample_progressive() : sample_jpeg();
  const size_t frame = bytes.find(is_progressive ? std::string("\xFF\xC2") : std::string("\xFF\xC0"));
  return patched(bytes, frame + 5, big_endian(height, 2) + big_endian(width, 2));
}

std::string lossless_webp_declaring(int height, int width) {
  const uint32_t bits = static_cast<uint32_t>(width - 1) | static_cast<uint32_t>(height - 1) << 14;
  return webp_file(riff_chunk("VP8L", "\x2F" + little_endian(bits, 4) + std::string(20, '\x55')));
}

TEST(HostilePictures, DeclaredSizesOverTheLimitTakeNoMemory) {
  const uint64_t before = peak_memory_bytes();
  for (const bool is_progressive : {false, true}) {
    expect_refused(jpeg_declaring(65500, 65500, is_progressive), ErrorCategory::BadData, "over the limit", "jpeg bomb");
    expect_refused(jpeg_declaring(10000, 10000, is_progressive), ErrorCategory::BadData, "over the limit", "jpeg bomb");
  }
  for (const auto& [height, width] : {std::array<uint32_t, 2>{65535, 65535},
                                      {0x7FFFFFFF, 0x7FFFFFFF},
                                      {1, 0x7FFFFFFF},
                                      {0x7FFFFFFF, 1},
                                      {200000, 1}}) {
    for (const int color_type : {0, 2, 3, 4, 6}) {
      const std::string chunks = color_type == 3 ? png_chunk("PLTE", "abc") : "";
      for (const int interlace : {0, 1}) {
        expect_refused(
            png({.width = width, .height = height, .color_type = color_type, .interlace = interlace}, {"x"}, chunks),
            ErrorCategory::BadData, "over the limit", "png bomb");
      }
    }
  }
  expect_refused(lossless_webp_declaring(16384, 16384), ErrorCategory::BadData, "over the limit", "webp bomb");
  expect_refused(
      webp_extended(1 << 20, 1 << 11, 0x02, webp_frame(0, 0, 2, 2, webp_chunk(2, 2, gradient(2, 2, 3), true))),
      ErrorCategory::BadData, "over the limit", "animation bomb");
  EXPECT_LT(peak_memory_bytes() - before, 64u << 20);
}

TEST(HostilePictures, DataThatInflatesWithoutEndStopsAtTheDeclaredSize) {
  const uint64_t before = peak_memory_bytes();
  const std::string bomb = zlib_zeros(256u << 20);
  EXPECT_TRUE(outcome_of(png_header({}) + png_chunk("IDAT", bomb) + png_chunk("IEND", "")).image);
  const std::string pixel = png_chunk("IDAT", zlib_stored(std::string(4, '\0'))) + png_chunk("IEND", "");
  for (const char* name : {"zTXt", "iCCP"}) {
    expect_decodes(png_header({}) + png_chunk(name, std::string("x\0\0", 3) + bomb) + pixel, {1, 1}, name);
  }
  expect_decodes(png_header({}) + png_chunk("iTXt", std::string("x\0\1\0\0\0", 6) + bomb) + pixel, {1, 1}, "iTXt");
  EXPECT_LT(peak_memory_bytes() - before, 64u << 20);
}

TEST(HostilePictures, ManyAncillaryChunksAreSkipped) {
  std::string chunks;
  for (int i = 0; i < 20000; ++i) chunks += png_chunk(i % 2 ? "tEXt" : "abCd", std::string("key\0value", 9));
  expect_decodes(png({}, {"abc"}, chunks), {1, 1}, "20,000 chunks");
}

TEST(HostilePictures, ScansWithoutEndAreRefused) {
  const std::string bytes = sample_progressive();
  const size_t last_scan = bytes.rfind("\xFF\xDA"), end = bytes.rfind("\xFF\xD9");
  std::string bomb = bytes.substr(0, end);
  for (int i = 0; i < 300; ++i) bomb += bytes.substr(last_scan, end - last_scan);
  expect_refused(bomb + bytes.substr(end), ErrorCategory::BadData, "scans", "scan bomb");
}

TEST(HostilePictures, DegenerateSizesDecode) {
  for (const auto& [height, width] :
       {std::array<int, 2>{1, 1}, {1, 2}, {2, 1}, {1, 17}, {19, 1}, {1, 10000}, {10000, 1}, {7, 9}}) {
    const ImageSize size{height, width};
    const std::vector<uint8_t> pixels = gradient(height, width, 3);
    expect_decodes(jpeg(height, width, pixels), size, "jpeg");
    expect_decodes(jpeg(height, width, pixels, {.is_progressive = true}), size, "progressive jpeg");
    expect_decodes(jpeg(height, width, gradient(height, width, 1),
                        {.components = 1, .color_space = JCS_GRAYSCALE, .stored_space = JCS_GRAYSCALE}),
                   size, "gray jpeg");
    expect_decodes(jpeg(height, width, gradient(height, width, 4),
                        {.components = 4, .color_space = JCS_CMYK, .stored_space = JCS_YCCK}),
                   size, "ink jpeg");
    expect_decodes(encode_png({size, pixels}), size, "png");
    expect_decodes(webp_file(webp_chunk(height, width, pixels, true)), size, "lossless webp");
    expect_decodes(webp_file(webp_chunk(height, width, pixels, false)), size, "webp");
  }
}

TEST(HostilePictures, ThinPicturesMakeCropsOrOneError) {
  const config::ModelConfig config = config::preset("molmo-7b-d");
  for (const auto& [height, width] :
       {std::array<int, 2>{1, 1}, {1, 3}, {3, 1}, {1, 336}, {1, 337}, {336, 1}, {1, 10000}, {10000, 1}, {1000, 2}}) {
    const Image image{{height, width}, gradient(height, width, 3)};
    try {
      EXPECT_GE(make_crops(image, config).num_crops, 2);
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("too thin"));
    }
  }
}

TEST(HostilePictures, FormatsThatWeDoNotReadAreNamed) {
  const std::vector<std::pair<std::string, std::string>> foreign = {
      {std::string("GIF89a\x01\0\x01\0\x80\0\0", 13) + std::string(10000, ','), "GIF"},
      {"BM" + std::string(100, 'x'), "BMP"},
      {std::string("II*\0\x08\0\0\0", 8), "TIFF"},
      {std::string("MM\0*\0\0\0\x08", 8), "TIFF"},
      {"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"},
      {"%PDF-1.7\n", "PDF"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"},
      {"<?xml version=\"1.0\"?><svg/>", "SVG"},
      {std::string("\0\0\0\x1C"
                   "ftypavif",
                   12),
       "AVIF"},
      {std::string("\0\0\0\x1C"
                   "ftypheic",
                   12),
       "HEIC"},
      {std::string("\0\0\1\0\1\0", 6), "ICO"},
      {"8BPS" + std::string(30, '\0'), "PSD"}};
  for (const auto& [bytes, name] : foreign) expect_refused(bytes, ErrorCategory::Unsupported, name, name);
  for (const std::string& bytes :
       {std::string("hello"), std::string("\0", 1), std::string(1000, '\xFF'),
        std::string("<!doctype html><html>not found</html>"), std::string("RIFF\0\0\0\0WAVE", 12)}) {
    expect_refused(bytes, ErrorCategory::BadData, "JPEG, PNG or WebP", "no picture");
  }
  expect_refused("", ErrorCategory::BadData, "empty", "nothing");
}

TEST(HostilePictures, BarestHeadersGiveOneError) {
  for (const std::string& bytes :
       {std::string("\xFF\xD8\xFF"),
        std::string("\xFF\xD8\xFF\xD9"),
        kPngMagic,
        kPngMagic + png_chunk("IEND", ""),
        png_header({}),
        png_header({}) + png_chunk("IEND", ""),
        png_header({.width = 0}),
        png_header({.height = 0}),
        png_header({.bit_depth = 3}),
        png_header({.color_type = 5}),
        png_header({.bit_depth = 16, .color_type = 3}),
        png_header({.interlace = 2}),
        png({.color_type = 3}, {"a"}),
        std::string("RIFF\4\0\0\0WEBP", 12),
        webp_file("VP8 "),
        webp_file(riff_chunk("VP8 ", "")),
        webp_file(riff_chunk("VP8L", "\x2F")),
        webp_extended(4, 4, 0, ""),
        webp_extended(4, 4, 0x02, ""),
        webp_extended(4, 4, 0x02, riff_chunk("ANMF", "short")),
        webp_extended(4, 4, 0x02, webp_frame(0, 0, 2, 2, "")),
        webp_extended(4, 4, 0x02, webp_frame(100, 100, 2, 2, webp_chunk(2, 2, gradient(2, 2, 3), true)))}) {
    EXPECT_EQ(outcome_of(bytes).error, ErrorCategory::BadData);
  }
}

TEST(HostilePictures, JpegWithTwoComponentsIsUnsupported) {
  const std::string bytes =
      jpeg(8, 8, gradient(8, 8, 2), {.components = 2, .color_space = JCS_UNKNOWN, .stored_space = JCS_UNKNOWN});
  EXPECT_EQ(outcome_of(bytes).error, ErrorCategory::Unsupported);
}

TEST(HostilePictures, TruncationAtAnyByteDecodesOrThrows) {
  for (const Sample& sample : samples()) {
    const size_t step = std::max<size_t>(sample.bytes.size() / 150, 1);
    for (size_t size = 1; size < sample.bytes.size(); size += step)
      outcome_of(sample.bytes.substr(0, size), {.max_pixels = kSmallLimit});
  }
}

TEST(HostilePictures, TruncatedJpegAndPngKeepWhatTheyHave) {
  RandomStream random(6, "hostile pictures");
  Image noise{{40, 50}, {}};
  for (int i = 0; i < 40 * 50 * 3; ++i) noise.pixels.push_back(static_cast<uint8_t>(random.next()));
  for (const std::string& bytes : {encode_jpeg(noise), encode_png(noise)}) {
    const Image whole = decode(bytes);
    const Outcome cut = outcome_of(bytes.substr(0, bytes.size() * 3 / 4));
    ASSERT_TRUE(cut.image) << cut.message;
    EXPECT_EQ(cut.image->size, whole.size);
    EXPECT_TRUE(std::equal(whole.pixels.begin(), whole.pixels.begin() + 10 * 50 * 3, cut.image->pixels.begin()))
        << "first rows";
    EXPECT_FALSE(std::equal(whole.pixels.end() - 50 * 3, whole.pixels.end(), cut.image->pixels.end() - 50 * 3))
        << "last row";
  }
}

TEST(HostilePictures, RandomDamageDecodesOrThrows) {
  RandomStream random(5, "hostile pictures");
  int num_decoded = 0, num_refused = 0;
  for (const Sample& sample : samples()) {
    for (int i = 0; i < 200; ++i) {
      std::string bytes = sample.bytes;
      const uint64_t num_changes = 1 + random.below(6);
      for (uint64_t k = 0; k < num_changes; ++k) {
        // Half of the changes hit the headers.
        const size_t at = random.below(k % 2 == 0 ? std::min<size_t>(bytes.size(), 200) : bytes.size());
        bytes[at] = static_cast<char>(random.next());
      }
      if (i % 5 == 0) bytes.erase(random.below(bytes.size()), random.below(40));
      if (i % 7 == 0)
        bytes.insert(random.below(bytes.size() + 1), std::string(random.below(40), static_cast<char>(random.next())));
      const Outcome outcome = outcome_of(bytes, {.max_pixels = kSmallLimit});
      ++(outcome.image ? num_decoded : num_refused);
    }
  }
  EXPECT_GT(num_decoded, 100);
  EXPECT_GT(num_refused, 100);
}

TEST(HostilePictures, ADamagedPictureDoesNotSpoilTheNext) {
  const std::string good = sample_jpeg();
  const Image expected = decode(good);
  for (size_t size = 20; size < good.size(); size += 37) {
    outcome_of(good.substr(0, size));
    EXPECT_EQ(decode(good).pixels, expected.pixels);
  }
}

}  // namespace
}  // namespace molmo::image
