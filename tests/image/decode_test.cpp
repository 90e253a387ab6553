#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/log.h"
#include "fixtures.h"
#include "image/encode.h"
#include "image/exif.h"
#include "image/image.h"
#include "pictures.h"

namespace molmo::image {
namespace {

using test::decode;
using testing::ElementsAre;
using testing::HasSubstr;

// Runs `call`, which must throw, and gives back the error.
template <class Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an error";
  return Error(ErrorCategory::Internal, "");
}

// ---- Orientation. A stored picture of 2 rows and 3 columns, numbered in reading order:  0 1 2 / 3 4 5.

struct Upright {
  int orientation;
  ImageSize size;
  std::vector<int> numbers;
};

// What one sees when the picture is held as the EXIF standard describes each value.
const std::vector<Upright> kUpright = {{1, {2, 3}, {0, 1, 2, 3, 4, 5}}, {2, {2, 3}, {2, 1, 0, 5, 4, 3}},
                                       {3, {2, 3}, {5, 4, 3, 2, 1, 0}}, {4, {2, 3}, {3, 4, 5, 0, 1, 2}},
                                       {5, {3, 2}, {0, 3, 1, 4, 2, 5}}, {6, {3, 2}, {3, 0, 4, 1, 5, 2}},
                                       {7, {3, 2}, {5, 2, 4, 1, 3, 0}}, {8, {3, 2}, {2, 5, 1, 4, 0, 3}}};

std::vector<uint8_t> pixels_of(const std::vector<int>& numbers) {
  std::vector<uint8_t> pixels;
  for (const int number : numbers) {
    for (int c = 0; c < 3; ++c) pixels.push_back(static_cast<uint8_t>(number * 40 + c));
  }
  return pixels;
}

std::vector<std::string> numbered_rows() {
  const std::vector<uint8_t> pixels = pixels_of(kUpright[0].numbers);
  return {std::string(pixels.begin(), pixels.begin() + 9), std::string(pixels.begin() + 9, pixels.end())};
}

TEST(Orientation, TurnsPngBeforeAndBehindThePixels) {
  const test::PngHeader header{.width = 3, .height = 2};
  for (const Upright& upright : kUpright) {
    for (const bool is_big_endian : {true, false}) {
      const std::string chunk = test::png_chunk("eXIf", test::exif_block(upright.orientation, is_big_endian));
      for (const std::string& bytes :
           {test::png(header, numbered_rows(), chunk), test::png(header, numbered_rows(), "", chunk)}) {
        const Image image = decode(bytes);
        EXPECT_EQ(image.size, upright.size) << upright.orientation;
        EXPECT_EQ(image.pixels, pixels_of(upright.numbers)) << upright.orientation;
      }
    }
  }
}

TEST(Orientation, TurnsWebp) {
  const std::string chunk = test::webp_chunk(2, 3, pixels_of(kUpright[0].numbers), /*is_lossless=*/true);
  for (const Upright& upright : kUpright) {
    const Image image = decode(
        test::webp_extended(2, 3, 0x08, chunk + test::riff_chunk("EXIF", test::exif_block(upright.orientation))));
    EXPECT_EQ(image.size, upright.size) << upright.orientation;
    EXPECT_EQ(image.pixels, pixels_of(upright.numbers)) << upright.orientation;
  }
}

TEST(Orientation, TurnsJpeg) {
  const std::vector<uint8_t> samples = test::gradient(40, 70, 3);
  const Image stored = decode(test::jpeg(40, 70, samples));
  for (const Upright& upright : kUpright) {
    const Image image = decode(test::jpeg(40, 70, samples, {.exif = test::exif_block(upright.orientation)}));
    // The corner pixels of the numbered picture say where each corner goes.
    const auto corner = [](const Image& from, bool is_low, bool is_right) {
      const int64_t y = is_low ? from.size.height - 1 : 0, x = is_right ? from.size.width - 1 : 0;
      const uint8_t* pixel = from.pixels.data() + (y * from.size.width + x) * 3;
      return std::array<uint8_t, 3>{pixel[0], pixel[1], pixel[2]};
    };
    const int first = upright.numbers.front(), last = upright.numbers.back();
    EXPECT_EQ(corner(image, false, false), corner(stored, first >= 3, first % 3 == 2)) << upright.orientation;
    EXPECT_EQ(corner(image, true, true), corner(stored, last >= 3, last % 3 == 2)) << upright.orientation;
    EXPECT_EQ(image.size.height == 40, upright.orientation < 5);
  }
}

TEST(Exif, IgnoresDamageAndForeignValues) {
  const std::string good = test::exif_block(6);
  const auto orientation = [](const std::string& bytes) { return exif_orientation(std::as_bytes(std::span(bytes))); };
  EXPECT_EQ(orientation(good), 6);
  EXPECT_EQ(orientation(std::string("Exif\0\0", 6) + good), 6);
  EXPECT_EQ(orientation(test::exif_block(0)), 1);
  EXPECT_EQ(orientation(test::exif_block(9)), 1);
  // Cut anywhere before the value ends, it is upright.
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(orientation(good.substr(0, size)), size >= 20 ? std::optional(6) : std::nullopt) << size;
  }
  std::string far_directory = good;
  far_directory.replace(4, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(orientation(far_directory), std::nullopt);
  std::string many_entries = good;
  many_entries.replace(8, 2, "\xFF\xFF");
  EXPECT_EQ(orientation(many_entries), 6);
}

TEST(Xmp, SaysTheOrientationWhereExifDoesNot) {
  const auto with_xmp = [](const std::string& xmp, const std::string& exif) {
    return test::webp_extended(
        2, 3, 0x0C,
        test::webp_chunk(2, 3, pixels_of(kUpright[0].numbers), true) + exif + test::riff_chunk("XMP ", xmp));
  };
  for (const std::string& xmp :
       {std::string("<rdf tiff:Orientation=\"6\"/>"), std::string("<tiff:Orientation>6</tiff:Orientation>")}) {
    EXPECT_EQ(decode(with_xmp(xmp, "")).pixels, pixels_of(kUpright[5].numbers));
    EXPECT_EQ(decode(with_xmp(xmp, test::riff_chunk("EXIF", test::exif_block(3)))).pixels,
              pixels_of(kUpright[2].numbers));
  }
  for (const std::string& xmp : {std::string("tiff:Orientation=\""), std::string("tiff:Orientation>x"),
                                 std::string("tiff:Orientation=\"9\""), std::string()}) {
    EXPECT_EQ(decode(with_xmp(xmp, "")).pixels, pixels_of(kUpright[0].numbers)) << xmp;
  }
}

// ---- Colours

TEST(DecodePng, ExpandsGrayOfEveryDepth) {
  EXPECT_THAT(decode(test::png({.width = 3, .bit_depth = 1, .color_type = 0}, {"\xA0"})).pixels,
              ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(decode(test::png({.width = 2, .bit_depth = 2, .color_type = 0}, {"\x60"})).pixels,
              ElementsAre(85, 85, 85, 170, 170, 170));
  EXPECT_THAT(decode(test::png({.width = 2, .bit_depth = 4, .color_type = 0}, {"\x1F"})).pixels,
              ElementsAre(17, 17, 17, 255, 255, 255));
  EXPECT_THAT(decode(test::png({.width = 2, .bit_depth = 8, .color_type = 0}, {"\x01\x80"})).pixels,
              ElementsAre(1, 1, 1, 128, 128, 128));
}

TEST(DecodePng, LimitsSixteenBitGrayAndSaysSo) {
  std::string warning;
  set_log_sink([&](LogLevel, std::string_view message) { warning = message; });
  const std::string row("\x00\x07\x01\x00\x00\xFF", 6);
  EXPECT_THAT(decode(test::png({.width = 3, .bit_depth = 16, .color_type = 0}, {row})).pixels,
              ElementsAre(7, 7, 7, 255, 255, 255, 255, 255, 255));
  set_log_sink(nullptr);
  EXPECT_THAT(warning, HasSubstr("16-bit gray"));
}

TEST(DecodePng, KeepsTheHighByteOfSixteenBitColours) {
  const std::string rgb("\x01\xFF\x02\xFF\x03\x00", 6), gray_alpha("\x40\xFF\x00\x00", 4);
  EXPECT_THAT(decode(test::png({.bit_depth = 16, .color_type = 2}, {rgb})).pixels, ElementsAre(1, 2, 3));
  EXPECT_THAT(decode(test::png({.bit_depth = 16, .color_type = 4}, {gray_alpha})).pixels, ElementsAre(64, 64, 64));
}

TEST(DecodePng, DropsAlphaWithoutBlending) {
  EXPECT_THAT(decode(test::png({.color_type = 6}, {std::string("\x0A\x14\x1E\x00", 4)})).pixels,
              ElementsAre(10, 20, 30));
  EXPECT_THAT(decode(test::png({.color_type = 4}, {std::string("\x63\x01", 2)})).pixels, ElementsAre(99, 99, 99));
}

TEST(DecodePng, ExpandsPalettesWithAndWithoutAlpha) {
  const std::string palette = test::png_chunk("PLTE", std::string("\x01\x02\x03\x0A\x0B\x0C", 6)),
                    alpha = test::png_chunk("tRNS", std::string("\x00\x7F", 2));
  for (const std::string& chunks : {palette, palette + alpha}) {
    EXPECT_THAT(
        decode(test::png({.width = 2, .bit_depth = 8, .color_type = 3}, {std::string("\x01\x00", 2)}, chunks)).pixels,
        ElementsAre(10, 11, 12, 1, 2, 3));
    EXPECT_THAT(decode(test::png({.width = 2, .bit_depth = 1, .color_type = 3}, {"\x80"}, chunks)).pixels,
                ElementsAre(10, 11, 12, 1, 2, 3));
  }
}

TEST(DecodeJpeg, ExpandsGray) {
  const Image image = decode(
      test::jpeg(8, 8, std::vector<uint8_t>(64, 77),
                 {.components = 1, .color_space = JCS_GRAYSCALE, .stored_space = JCS_GRAYSCALE, .quality = 100}));
  EXPECT_EQ(image.pixels, std::vector<uint8_t>(64 * 3, 77));
}

TEST(DecodeJpeg, TurnsInkIntoLight) {
  // Stored inverted: 255 is no ink. light = K - (255 - C) * K / 255, rounded: 200 - 127 * 200 / 255 = 100.
  std::vector<uint8_t> samples;
  for (int i = 0; i < 64; ++i) samples.insert(samples.end(), {128, 255, 0, 200});
  const Image image = decode(
      test::jpeg(8, 8, samples, {.components = 4, .color_space = JCS_CMYK, .stored_space = JCS_CMYK, .quality = 100}));
  EXPECT_THAT(std::vector<uint8_t>(image.pixels.begin(), image.pixels.begin() + 3), ElementsAre(100, 200, 0));
}

TEST(DecodeJpeg, ProgressiveAndArithmeticEqualBaseline) {
  const std::vector<uint8_t> samples = test::gradient(45, 61, 3);
  const Image baseline = decode(test::jpeg(45, 61, samples));
  EXPECT_EQ(decode(test::jpeg(45, 61, samples, {.is_progressive = true})).pixels, baseline.pixels);
  EXPECT_EQ(decode(test::jpeg(45, 61, samples, {.has_arithmetic_coding = true})).pixels, baseline.pixels);
  EXPECT_EQ(decode(test::jpeg(45, 61, samples, {.restart_interval = 2})).pixels, baseline.pixels);
}

TEST(DecodeWebp, TakesTheFirstFrameOfAnAnimation) {
  const std::vector<uint8_t> red(2 * 2 * 3, 200), other(2 * 2 * 3, 30);
  const std::string frames = test::riff_chunk("ANIM", std::string(6, '\0')) +
                             test::webp_frame(2, 0, 2, 2, test::webp_chunk(2, 2, red, true)) +
                             test::webp_frame(0, 0, 2, 2, test::webp_chunk(2, 2, other, true));
  const Image image = decode(test::webp_extended(4, 3, 0x02, frames));
  ASSERT_EQ(image.size, (ImageSize{4, 3}));
  std::vector<uint8_t> expected(4 * 3 * 3, 0);
  for (int y = 2; y < 4; ++y) std::fill_n(expected.begin() + y * 9, 6, uint8_t{200});
  EXPECT_EQ(image.pixels, expected);
}

TEST(Encode, PngComesBackAsItWas) {
  const Image image{{13, 29}, test::gradient(13, 29, 3)};
  EXPECT_EQ(decode(encode_png(image)).pixels, image.pixels);
}

TEST(Encode, JpegComesBackSimilar) {
  const Image image{{16, 40}, std::vector<uint8_t>(16 * 40 * 3, 120)};
  const Image again = decode(encode_jpeg(image, 90));
  ASSERT_EQ(again.size, image.size);
  for (const uint8_t value : again.pixels) ASSERT_NEAR(value, 120, 2);
  EXPECT_EQ(error_of([&] { encode_jpeg(image, 101); }).category(), ErrorCategory::InvalidArgument);
}

TEST(Encode, RefusesPicturesWithoutTheirPixels) {
  EXPECT_EQ(error_of([] {
              encode_png({{2, 2}, std::vector<uint8_t>(11)});
            }).category(),
            ErrorCategory::InvalidArgument);
}

// ---- Files

TEST(ReadImage, GoesByContentNotByName) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "really_a_png.jpg";
  write_png({{1, 1}, {1, 2, 3}}, path);
  EXPECT_THAT(read_image(path).pixels, ElementsAre(1, 2, 3));
}

TEST(ReadImage, NamesTheFileInErrors) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "empty.png";
  std::ofstream(path).close();
  const Error error = error_of([&] { read_image(path); });
  EXPECT_EQ(error.category(), ErrorCategory::BadData);
  EXPECT_THAT(error.what(), HasSubstr("empty.png"));
  EXPECT_EQ(error_of([&] { read_image(folder.path() / "none.png"); }).category(), ErrorCategory::NotFound);
}

TEST(ReadImage, RefusesFilesOverTheLimit) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "picture.png";
  write_png({{30, 30}, test::gradient(30, 30, 3)}, path);
  EXPECT_EQ(error_of([&] { read_image(path, {.max_file_bytes = 50}); }).category(), ErrorCategory::BadData);
  EXPECT_EQ(error_of([&] { read_image(path, {.max_pixels = 899}); }).category(), ErrorCategory::BadData);
  EXPECT_EQ(error_of([&] { read_image(path, {.max_side_px = 29}); }).category(), ErrorCategory::BadData);
  EXPECT_EQ(read_image(path, {.max_pixels = 900, .max_side_px = 30}).size, (ImageSize{30, 30}));
}

}  // namespace
}  // namespace molmo::image
