#include "preprocess/image_tokens.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "preprocess/model_input.h"

namespace molmo::preprocess {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kPlaceholder = 99;

// Two pictures of 3 and 2 tokens, whose features lie in another order than their tokens.
const std::vector<ImageTokens> kPictures = {{.ids = {10, 11, 12}, .feature_positions = {2, kDroppedFeature, 1}},
                                            {.ids = {20, 21}, .feature_positions = {1, 0, kDroppedFeature}}};

TEST(ImageTokens, FollowGridAndCropOrder) {
  config::ModelConfig config;
  config.vision.input_size = {56, 56};  // 4 x 4 patches, 2 x 2 image tokens per crop
  config.decoder.vocab_size = 100;
  image::ImageCrops crops;
  crops.num_crops = 2;
  crops.low_resolution_rows = crops.low_resolution_columns = 2;
  crops.rows = 1;
  crops.columns = 2;
  crops.token_index = {0, 1, 2, 3, 5, -1, 4, -1};
  const ImageTokens tokens = make_image_tokens(crops, config);
  EXPECT_THAT(tokens.ids, ElementsAre(100, 102, 102, 103, 102, 102, 103, 101, 100, 102, 102, 103, 101));
  EXPECT_THAT(tokens.feature_positions, ElementsAre(1, 2, 4, 5, 10, kDroppedFeature, 9, kDroppedFeature));

  config.image_input.has_column_tokens = false;
  EXPECT_THAT(make_image_tokens(crops, config).ids, ElementsAre(100, 102, 102, 102, 102, 101, 100, 102, 102, 101));
}

TEST(TokenLayout, PicturesStandInFrontOrAtTheirPlaceholders) {
  const std::vector<int64_t> text = {1, 2, 3};
  const TokenLayout front = lay_out_tokens(text, kPictures, kPlaceholder);
  EXPECT_THAT(front.ids, ElementsAre(10, 11, 12, 20, 21, 1, 2, 3));
  EXPECT_THAT(front.image_input_idx, ElementsAre(2, -100, 1, 4, 3, -100));
  EXPECT_THAT(front.text_index, ElementsAre(-1, -1, -1, -1, -1, 0, 1, 2));
  EXPECT_EQ(front.num_image_tokens, 5);

  const std::vector<int64_t> marked = {1, kPlaceholder, 2, kPlaceholder};
  TokenLayout inside = lay_out_tokens(marked, kPictures, kPlaceholder);
  EXPECT_THAT(inside.ids, ElementsAre(1, 10, 11, 12, 2, 20, 21));
  EXPECT_THAT(inside.image_input_idx, ElementsAre(3, -100, 2, 6, 5, -100));
  EXPECT_THAT(inside.text_index, ElementsAre(0, 1, 1, 1, 2, 3, 3));
  inside.prepend(7);
  EXPECT_THAT(inside.ids, ElementsAre(7, 1, 10, 11, 12, 2, 20, 21));
  EXPECT_THAT(inside.image_input_idx, ElementsAre(4, -100, 3, 7, 6, -100));
}

TEST(TokenLayout, RefusesAnotherNumberOfPlacesThanPictures) {
  const std::vector<int64_t> text = {kPlaceholder};
  for (const auto& pictures : {std::vector<ImageTokens>{}, kPictures}) {
    try {
      lay_out_tokens(text, pictures, kPlaceholder);
      FAIL() << "accepted " << pictures.size() << " pictures";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("1 places for pictures"));
    }
  }
}

TEST(Collate, PadsTokensAndCropsWithMinusOne) {
  ModelInput with_image{.input_ids = at::full({3}, 5, at::kLong),
                        .position_ids = at::full({3}, 2, at::kLong),
                        .images = at::ones({2, 4, 6}),
                        .image_masks = at::ones({2, 4}),
                        .image_input_idx = at::full({2, 1}, 1, at::kLong),
                        .image_sizes = {{10, 20}},
                        .num_image_tokens = 2};
  ModelInput text{.input_ids = at::full({4}, 6, at::kLong), .position_ids = at::full({4}, 3, at::kLong)};
  const std::vector<ModelInput> examples = {with_image, text};
  const ModelInput batch = collate(examples, {.num_tokens = 5});
  EXPECT_EQ(batch.input_ids.sizes(), (at::IntArrayRef{2, 5}));
  EXPECT_EQ(batch.input_ids[0][3].item<int64_t>(), -1);
  EXPECT_EQ(batch.input_ids[1][3].item<int64_t>(), 6);
  EXPECT_EQ(batch.position_ids[1][4].item<int64_t>(), -1);
  EXPECT_EQ(batch.images.sizes(), (at::IntArrayRef{2, 2, 4, 6}));
  EXPECT_TRUE(batch.images[0].eq(1).all().item<bool>());
  EXPECT_TRUE(batch.images[1].eq(-1).all().item<bool>());
  EXPECT_TRUE(batch.image_masks[1].eq(-1).all().item<bool>());
  EXPECT_TRUE(batch.image_input_idx[1].eq(-1).all().item<bool>());
  EXPECT_EQ(batch.num_image_tokens, 2);
  EXPECT_FALSE(collate(std::span(&text, 1)).images.defined());
  EXPECT_THROW(collate(std::span<const ModelInput>{}), Error);
}

}  // namespace
}  // namespace molmo::preprocess
