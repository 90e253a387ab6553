#include "image/crops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "base/threads.h"

namespace molmo::image {
namespace {

Image random_image(int64_t height, int64_t width) {
  Image image{{height, width}, std::vector<uint8_t>(height * width * 3)};
  RandomStream random(3, "crops_test");
  for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(random.next());
  return image;
}

config::ModelConfig config_with(int64_t max_crops) {
  config::ModelConfig config = config::preset("molmo-7b-d");
  config.image_input.max_crops = max_crops;
  return config;
}

size_t num_values(const ImageCrops& crops, const config::ModelConfig& config) {
  return crops.num_crops * config.vision.num_patches() * config.vision.patch_dim();
}

std::vector<float> patches(const ImageCrops& crops, const config::ModelConfig& config) {
  return {crops.patches.get(), crops.patches.get() + num_values(crops, config)};
}

// Every image-patch token of the prompt gets exactly one feature.
void expect_token_index_covers_the_prompt(const ImageCrops& crops) {
  const int64_t expected = crops.low_resolution_rows * crops.low_resolution_columns + crops.rows * crops.columns;
  std::set<int32_t> places;
  for (const int32_t place : crops.token_index) {
    if (place < 0) continue;
    EXPECT_TRUE(places.insert(place).second) << "place " << place << " is used twice";
  }
  ASSERT_EQ(static_cast<int64_t>(places.size()), expected);
  EXPECT_EQ(*places.rbegin(), expected - 1);
}

TEST(SelectTiling, TakesTheLeastUpscaling) {
  EXPECT_EQ(select_tiling(224, 224, 224, 12), (Tiling{1, 1}));
  EXPECT_EQ(select_tiling(225, 225, 224, 12), (Tiling{2, 2}));
  EXPECT_EQ(select_tiling(100, 900, 224, 12), (Tiling{1, 5}));
}

TEST(SelectTiling, TakesTheLeastDownscalingWhenNothingCovers) {
  EXPECT_EQ(select_tiling(3000, 4000, 224, 12), (Tiling{3, 4}));
  EXPECT_EQ(select_tiling(100000, 10, 224, 12), (Tiling{12, 1}));
}

TEST(SelectTiling, SidesWithinTheMarginsLetTheOtherSideDecide) {
  EXPECT_EQ(select_tiling(0, 500, 224, 12), (Tiling{1, 3}));
  EXPECT_EQ(select_tiling(-5, -5, 224, 12), (Tiling{1, 1}));
}

TEST(MakeCrops, AnyLimitOfCropsGivesACompleteTokenIndex) {
  for (const int64_t max_crops : {1, 2, 4, 6, 12, 36}) {
    for (const ImageSize size : {ImageSize{700, 900}, {1200, 300}, {40, 50}, {336, 336}}) {
      const config::ModelConfig config = config_with(max_crops);
      const ImageCrops crops = make_crops(random_image(size.height, size.width), config);
      EXPECT_LE(crops.num_crops, 1 + max_crops);
      EXPECT_EQ(crops.num_crops, 1 + crops.tiling.rows * crops.tiling.columns);
      EXPECT_EQ(crops.masks.size(), static_cast<size_t>(crops.num_crops * config.vision.num_patches()));
      EXPECT_EQ(crops.token_index.size(), static_cast<size_t>(crops.num_crops * config.tokens_per_crop()));
      expect_token_index_covers_the_prompt(crops);
    }
  }
}

TEST(MakeCrops, OddGridsAndOtherMarginsGiveACompleteTokenIndex) {
  config::ModelConfig config = config_with(6);
  config.vision = config::siglip_so400m_14_378();
  for (const auto& margins : {std::array<int64_t, 2>{4, 4}, {2, 6}, {0, 0}, {6, 2}}) {
    config.image_input.overlap_margins = margins;
    config.validate();
    const ImageCrops crops = make_crops(random_image(900, 700), config);
    EXPECT_EQ(crops.low_resolution_rows, 14);
    expect_token_index_covers_the_prompt(crops);
  }
}

TEST(MakeCrops, NeighbouringCropsShareTheOverlap) {
  const config::ModelConfig config = config_with(2);
  const ImageCrops crops = make_crops(random_image(300, 600), config);
  ASSERT_EQ(crops.tiling, (Tiling{1, 2}));
  const auto all = patches(crops, config);
  const int64_t dim = config.vision.patch_dim(), columns = 24, window = 16;
  for (int64_t row = 0; row < 24; ++row) {
    for (int64_t column = 0; column < columns - window; ++column) {
      const auto left = all.begin() + ((1 * 24 + row) * columns + column + window) * dim;
      const auto right = all.begin() + ((2 * 24 + row) * columns + column) * dim;
      ASSERT_TRUE(std::equal(left, left + dim, right)) << row << ", " << column;
    }
  }
}

TEST(MakeCrops, ResizeModeIsOneCropWithoutAGrid) {
  config::ModelConfig config = config_with(12);
  config.image_input.crop_mode = config::CropMode::Resize;
  const Image image = random_image(500, 1000);
  for (const auto quirks : {config::Quirks::Reference, config::Quirks::Fixed}) {
    const ImageCrops crops = make_crops(image, config, quirks);
    EXPECT_EQ(crops.num_crops, 1);
    EXPECT_EQ(crops.tiling, (Tiling{0, 0}));
    EXPECT_EQ(crops.rows, 0);
    expect_token_index_covers_the_prompt(crops);
    // Scaled to 336 x 168: 6 rows of patches above and below are padding.
    ASSERT_EQ(crops.masks.size(), 576u);
    EXPECT_EQ(crops.masks.front(), 0);
    EXPECT_EQ(crops.masks[6 * 24 - 1], 0);
    EXPECT_EQ(crops.masks[6 * 24], 1);
    EXPECT_EQ(crops.masks[18 * 24], 0);
  }
}

TEST(MakeCrops, ReferenceMasksStandOneCropTooEarlyAndFixedOnesDoNot) {
  const config::ModelConfig config = config_with(4);
  const Image image = random_image(300, 900);
  const ImageCrops reference = make_crops(image, config), fixed = make_crops(image, config, config::Quirks::Fixed);
  const size_t num_patches = config.vision.num_patches();
  ASSERT_EQ(reference.masks.size(), fixed.masks.size());
  EXPECT_TRUE(std::equal(fixed.masks.begin() + num_patches, fixed.masks.end(), reference.masks.begin()));
  EXPECT_TRUE(
      std::all_of(reference.masks.end() - num_patches, reference.masks.end(), [](float mask) { return mask == -1; }));
  // Low-resolution crop, 336 x 112: 8 rows of padding, 8 of picture.
  EXPECT_EQ(fixed.masks[7 * 24], 0);
  EXPECT_EQ(fixed.masks[8 * 24], 1);
  EXPECT_EQ(patches(reference, config), patches(fixed, config));
}

TEST(MakeCrops, PaddingHasThePadValueNormalized) {
  config::ModelConfig config = config_with(1);
  config.image_input.pad_value = 0.5;
  const ImageCrops crops = make_crops(random_image(100, 400), config);
  EXPECT_FLOAT_EQ(crops.patches[0], (0.5f - 0.48145466f) / 0.26862954f);
  EXPECT_FLOAT_EQ(crops.patches[1], (0.5f - 0.4578275f) / 0.26130258f);
  EXPECT_FLOAT_EQ(crops.patches[2], (0.5f - 0.40821073f) / 0.27577711f);
}

TEST(MakeCrops, DoesNotDependOnTheNumberOfThreads) {
  const config::ModelConfig config = config_with(12);
  const Image image = random_image(800, 1100);
  const int before = num_threads();
  set_num_threads(1);
  const auto one = patches(make_crops(image, config), config);
  set_num_threads(3);
  const auto three = patches(make_crops(image, config), config);
  set_num_threads(before);
  EXPECT_EQ(one, three);
}

TEST(MakeCrops, RefusesPicturesThatWouldVanish) {
  try {
    make_crops(random_image(1, 10000), config_with(12));
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    EXPECT_THAT(error.what(), testing::HasSubstr("10000x1"));
    EXPECT_THAT(error.what(), testing::HasSubstr("too thin"));
  }
}

TEST(MakeCrops, OverlappingCropsMustBeSquare) {
  config::ModelConfig config = config_with(4);
  config.vision.input_size = {336, 224};
  EXPECT_THROW(make_crops(random_image(50, 50), config), Error);
  config.image_input.crop_mode = config::CropMode::Resize;
  EXPECT_EQ(make_crops(random_image(50, 50), config).masks.size(), 24u * 16u);
}

TEST(MakeCrops, StretchingModesTakeThinPictures) {
  config::ModelConfig config = config_with(4);
  for (const auto mode : {config::ResizeMode::StretchBilinear, config::ResizeMode::StretchBicubic}) {
    config.image_input.resize_mode = mode;
    const ImageCrops crops = make_crops(random_image(1, 10000), config, config::Quirks::Fixed);
    EXPECT_TRUE(std::all_of(crops.masks.begin(), crops.masks.end(), [](float mask) { return mask == 1; }));
  }
}

}  // namespace
}  // namespace molmo::image
