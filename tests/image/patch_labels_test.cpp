// Classes of patches against the pictures' own crops: a map is drawn as a picture, cut as one, and read back.
#include "image/patch_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "image/crops.h"

namespace molmo::image {
namespace {

// Vertical stripes: class x / 40.
LabelMap striped(int64_t height, int64_t width) {
  LabelMap map{{height, width}, {}};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) map.classes.push_back(static_cast<uint8_t>(x / 40));
  }
  return map;
}

Image as_picture(const LabelMap& map) {
  Image image{map.size, {}};
  for (const uint8_t value : map.classes) image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(value * 20));
  return image;
}

// The class in the middle of a patch of the picture's crops; -2 where the patch is not of one class.
int64_t class_in_crop(const float* patch, int64_t patch_px) {
  float low = patch[0], high = patch[0];
  for (int64_t i = 0; i < patch_px * patch_px * 3; i += 3) {
    low = std::min(low, patch[i]);
    high = std::max(high, patch[i]);
  }
  if (high - low > 0.01f) return -2;
  const float value = (patch[0] * 0.26862954f + 0.48145466f) * 255 / 20;
  return static_cast<int64_t>(std::lround(value));
}

TEST(PatchLabels, LieWhereTheCropsOfThePictureLie) {
  const config::ModelConfig config = config::preset("molmo-7b-d");
  for (const ImageSize size : {ImageSize{300, 420}, ImageSize{900, 300}, ImageSize{336, 336}, ImageSize{113, 240}}) {
    const LabelMap map = striped(size.height, size.width);
    const std::vector<int64_t> labels = patch_labels(map, config);
    const ImageCrops crops = make_crops(as_picture(map), config, config::Quirks::Fixed);
    ASSERT_EQ(static_cast<int64_t>(labels.size()), crops.num_crops * config.vision.num_patches());
    int64_t num_compared = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (crops.masks[i] == 0) {
        EXPECT_EQ(labels[i], kNoLabel) << i;
      }
      if (crops.masks[i] < 1) continue;
      const int64_t expected =
          class_in_crop(crops.patches.get() + static_cast<int64_t>(i) * config.vision.patch_dim(), 14);
      if (expected == -2) continue;  // a stripe ends in it
      EXPECT_EQ(labels[i], expected) << size.height << "x" << size.width << ", patch " << i;
      ++num_compared;
    }
    EXPECT_GT(num_compared, static_cast<int64_t>(labels.size()) / 8);
  }
}

TEST(PatchLabels, TheMajorityOfPixelsDecidesAndTheSmallerClassOfTwo) {
  config::ModelConfig config = config::preset("molmo-7b-d");
  config.image_input.crop_mode = config::CropMode::Resize;
  config.vision.input_size = {28, 28};
  LabelMap map{{28, 28}, std::vector<uint8_t>(28 * 28, 3)};
  for (int64_t i = 0; i < 14 * 7; ++i) map.classes[static_cast<size_t>(i / 7 * 28 + i % 7)] = 1;  // half of a patch
  map.classes[14 * 28] = 9;
  EXPECT_EQ(patch_labels(map, config), (std::vector<int64_t>{1, 3, 3, 3}));
  map.classes.assign(28 * 28, kUnlabelledPixel);
  EXPECT_EQ(patch_labels(map, config), (std::vector<int64_t>(4, kNoLabel)));
}

TEST(PatchLabels, ChannelsAreMapsOfTheirOwn) {
  const Image image{{1, 2}, {1, 2, 3, 4, 5, 6}};
  const std::vector<LabelMap> maps = to_label_maps(image, 3, "map");
  ASSERT_EQ(maps.size(), 3u);
  for (uint8_t k = 0; k < 3; ++k)
    EXPECT_EQ(maps[k].classes, (std::vector<uint8_t>{static_cast<uint8_t>(1 + k), static_cast<uint8_t>(4 + k)}));
}

TEST(PatchLabels, ColoursAreRefused) {
  Image image{{2, 2}, std::vector<uint8_t>(12, 5)};
  EXPECT_EQ(to_label_maps(image, 1, "map").front().classes, std::vector<uint8_t>(4, 5));
  image.pixels[4] = 6;
  EXPECT_THAT([&] { to_label_maps(image, 1, "map"); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("map: the pixel in row 0, column 1 has a colour")));
  EXPECT_EQ(to_label_maps(image, 2, "map")[1].classes[1], 6);
}

}  // namespace
}  // namespace molmo::image
