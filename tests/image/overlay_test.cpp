#include "image/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "fixtures.h"

// Fonts that the font library keeps for the life of the process are not leaks of ours.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libfontconfig";
}

namespace molmo::image {
namespace {

using testing::HasSubstr;
using Pixel = std::array<int, 3>;

Image filled(int64_t height, int64_t width, uint8_t value) {
  return {{height, width}, std::vector<uint8_t>(height * width * 3, value)};
}

Pixel pixel(const Image& image, int64_t x, int64_t y) {
  const uint8_t* at = image.pixels.data() + (y * image.size.width + x) * 3;
  return {at[0], at[1], at[2]};
}

// Of a 1000 x 1000 picture with few points; 1.6 percent of the side.
constexpr double kRadius = 16;

TEST(Overlay, AMarkerShowsOnAnyBackground) {
  for (const uint8_t background : {0, 128, 255}) {
    const std::vector<OverlayPoint> points = {{{500, 500}, ""}};
    const Image drawn = draw_overlay(filled(1000, 1000, background), points);
    EXPECT_EQ(pixel(drawn, 500, 500), (Pixel{255, 255, 255})) << "white dot";
    const Pixel disc = pixel(drawn, 500 + std::lround(0.65 * kRadius), 500);
    EXPECT_GT(disc[0] - disc[1], 100) << "coloured disc";
    int brightest = 0, darkest = 255;  // ring and edge, whatever lies behind
    for (int64_t x = 500 + std::lround(kRadius); x < 500 + 2 * kRadius; ++x) {
      brightest = std::max(brightest, pixel(drawn, x, 500)[1]);
      darkest = std::min(darkest, pixel(drawn, x, 500)[1]);
    }
    EXPECT_GT(brightest, 200);
    EXPECT_LT(darkest, 160);
    EXPECT_EQ(pixel(drawn, 500 + std::lround(2 * kRadius), 500), (Pixel{background, background, background}));
  }
}

TEST(Overlay, WithoutPointsThePictureStaysAsItIs) {
  Image image = filled(7, 11, 0);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(draw_overlay(image, {}).pixels, image.pixels);
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const std::vector<OverlayPoint> points = {{{nan, 3}, "a"}, {{2, infinity}, "b"}};
  EXPECT_EQ(draw_overlay(image, points).pixels, image.pixels);
}

TEST(Overlay, LabelsGetTheirOwnColours) {
  const std::vector<OverlayPoint> points = {{{100, 100}, "cat"}, {{300, 100}, "dog"}, {{100, 250}, "cat"}};
  const Image drawn = draw_overlay(filled(1000, 1000, 255), points);
  const auto disc = [&](int64_t x, int64_t y) { return pixel(drawn, x, y + std::lround(0.85 * kRadius)); };
  EXPECT_EQ(disc(100, 100), disc(100, 250));
  EXPECT_NE(disc(100, 100), disc(300, 100));
}

TEST(Overlay, TheLegendAvoidsPoints) {
  std::vector<OverlayPoint> points;
  for (int i = 0; i < 9; ++i) points.push_back({{25.0 + 50 * i, 965}, "bird"});  // bottom left
  const Image drawn = draw_overlay(filled(1000, 1000, 255), points);
  EXPECT_GT(pixel(drawn, 50, 935)[0], 200) << "bottom left is free";
  EXPECT_LT(pixel(drawn, 975, 960)[0], 200) << "bottom right has the legend";
}

TEST(Overlay, LabelsOfAnyBytesAndPointsOfAnyPlaceAreDrawn) {
  std::string every_byte;
  for (int i = 1; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::vector<std::string> labels = {every_byte,     std::string(100000, 'x'), std::string("a\0b", 3),
                                           "\xED\xA0\x80", "\xF4\x90\x80\x80",       "<&\"'>",
                                           "日本語 ✓"};
  for (const std::string& label : labels) {
    for (const PointPx& position : {PointPx{5, 5}, {-1e300, 1e300}, {0, 0}, {40, 30}}) {
      const std::vector<OverlayPoint> one = {{position, label}}, two = {{position, label}, {{1, 1}, "other"}};
      for (const auto& [height, width] : {std::array<int64_t, 2>{30, 40}, {1, 1}, {1, 3000}}) {
        EXPECT_NO_THROW(draw_overlay(filled(height, width, 90), one));
        EXPECT_NO_THROW(draw_overlay(filled(height, width, 90), two));
      }
      EXPECT_NO_THROW(overlay_svg(filled(30, 40, 90), two));
    }
  }
}

TEST(Overlay, SvgStandsAlone) {
  const std::vector<OverlayPoint> points = {{{20, 20}, "x"}};
  const std::string svg = overlay_svg(filled(50, 60, 10), points);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, HasSubstr("width=\"60px\""));
  EXPECT_THAT(svg, HasSubstr("data:image/jpeg;base64,"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
}

TEST(Overlay, TheEndingOfThePathDecidesTheFormat) {
  const test::TemporaryFolder folder;
  const Image image = filled(50, 60, 10);
  const std::vector<OverlayPoint> points = {{{20, 20}, "x"}};
  for (const char* name : {"a.png", "a.jpg"}) {
    write_overlay(image, points, folder.path() / name);
    EXPECT_EQ(read_image(folder.path() / name).size, image.size);
  }
  write_overlay(image, points, folder.path() / "a.svg");
  EXPECT_THAT(read_file(folder.path() / "a.svg"), HasSubstr("</svg>"));
  EXPECT_THROW(write_overlay(image, points, folder.path() / "a.gif"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a.gif"));
}

}  // namespace
}  // namespace molmo::image
