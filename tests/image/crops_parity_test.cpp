// Tilings, patches, masks and token places against the reference's numbers.
#include "image/crops.h"

#include <gtest/gtest.h>

#include "golden.h"

namespace molmo::image {
namespace {

// The sums of the fixtures were rounded to float32 after a mean over 588 values of at most 2.7.
constexpr double kSumTolerance = 1e-6;
// Float values mapped back to 0..255 and rounded: halves may fall either way.
constexpr double kLevelTolerance = 1e-4;

struct GoldenCase {
  std::string name;
  Json preprocess;
  test::GoldenTensors tensors;
};

struct Expectation {
  const GoldenCase& golden;
  const Json& row;
  std::string key;
  config::ModelConfig config;
  ImageCrops crops;

  int64_t num_patches() const { return config.vision.num_patches(); }
  std::span<const float> patch(int64_t crop, int64_t index) const {
    const int64_t dim = config.vision.patch_dim();
    return {crops.patches.get() + (crop * num_patches() + index) * dim, static_cast<size_t>(dim)};
  }
};

void check_masks(const Expectation& e) {
  const auto masks = e.golden.tensors.values<float>(e.key + "/image_masks");
  ASSERT_EQ(e.crops.masks.size(), masks.size()) << e.key;
  for (size_t i = 0; i < masks.size(); ++i) ASSERT_EQ(e.crops.masks[i], masks[i]) << e.key << " at " << i;
}

void check_patch_sums(const Expectation& e) {
  const auto means = e.golden.tensors.values<float>(e.key + "/patch_mean");
  const auto ramps = e.golden.tensors.values<float>(e.key + "/patch_ramp");
  ASSERT_EQ(static_cast<int64_t>(means.size()), e.crops.num_crops * e.num_patches()) << e.key;
  for (size_t i = 0; i < means.size(); ++i) {
    const auto values = e.patch(i / e.num_patches(), i % e.num_patches());
    double sum = 0, ramp = 0;
    const double size = static_cast<double>(values.size());
    for (size_t k = 0; k < values.size(); ++k) {
      sum += values[k];
      ramp += values[k] * static_cast<double>(k + 1) / size;
    }
    ASSERT_NEAR(sum / size, means[i], kSumTolerance) << e.key << " patch " << i;
    ASSERT_NEAR(ramp / size, ramps[i], kSumTolerance) << e.key << " patch " << i;
  }
}

void check_exact_rows(const Expectation& e) {
  const Json& rows = e.row.at("f32_rows");
  const int64_t crop = rows.at("crop");
  const auto expected = e.golden.tensors.values<float>(e.key + "/crop" + std::to_string(crop) + "_f32_rows");
  size_t at = 0;
  for (const Json& range : rows.at("patches")) {
    for (int64_t index = range[0]; index < range[1].get<int64_t>(); ++index) {
      for (float value : e.patch(crop, index)) ASSERT_EQ(value, expected.at(at++)) << e.key << " patch " << index;
    }
  }
  EXPECT_EQ(at, expected.size());
}

void check_8bit_crop(const Expectation& e) {
  const int64_t crop = e.row.at("u8_crop");
  const auto expected = e.golden.tensors.values<uint8_t>(e.key + "/crop" + std::to_string(crop) + "_u8");
  const double mean[3] = {0.48145466, 0.4578275, 0.40821073}, deviation[3] = {0.26862954, 0.26130258, 0.27577711};
  const double imagenet_mean[3] = {0.485, 0.456, 0.406}, imagenet_deviation[3] = {0.229, 0.224, 0.225};
  for (size_t i = 0; i < expected.size(); ++i) {
    const size_t dim = e.config.vision.patch_dim(), c = i % 3;
    const double value = e.patch(crop, i / dim)[i % dim];
    double unit = (value + 1) / 2;
    if (e.config.image_input.normalization == config::PixelNormalization::Clip) unit = value * deviation[c] + mean[c];
    if (e.config.image_input.normalization == config::PixelNormalization::ImageNet)
      unit = value * imagenet_deviation[c] + imagenet_mean[c];
    ASSERT_NEAR(unit * 255, expected[i], 0.5 + kLevelTolerance) << e.key << " value " << i;
  }
}

// Token positions as the reference lays them out: start, rows of patches each ended by a column token, end; twice.
std::vector<int64_t> patch_positions(const ImageCrops& crops) {
  std::vector<int64_t> positions;
  int64_t at = 0;
  const auto add_grid = [&](int64_t rows, int64_t columns) {
    ++at;
    for (int64_t y = 0; y < rows; ++y, ++at) {
      for (int64_t x = 0; x < columns; ++x) positions.push_back(at++);
    }
    ++at;
  };
  add_grid(crops.low_resolution_rows, crops.low_resolution_columns);
  if (crops.rows > 0) add_grid(crops.rows, crops.columns);
  return positions;
}

void check_token_index(const Expectation& e) {
  const auto expected = e.golden.tensors.values<int32_t>(e.key + "/image_input_idx");
  const std::vector<int64_t> positions = patch_positions(e.crops);
  ASSERT_EQ(e.crops.token_index.size(), expected.size()) << e.key;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int32_t place = e.crops.token_index[i];
    ASSERT_EQ(place < 0 ? -100 : positions.at(place), expected[i]) << e.key << " token " << i;
  }
}

class CropsParity : public testing::TestWithParam<std::string> {};

TEST_P(CropsParity, EqualTheReference) {
  const std::string folder = "model/" + GetParam() + "/preprocess/";
  const GoldenCase golden{GetParam(), read_json_file(test::golden_path(folder + "preprocess.json")),
                          test::GoldenTensors(test::golden_path(folder + "preprocess.safetensors"))};
  int num_pictures = 0;
  for (const Json& row : golden.preprocess.at("images")) {
    if (!golden.tensors.contains(row.at("key").get<std::string>() + "/image_masks")) continue;
    ++num_pictures;
    const Image image = read_image(test::golden_path("model/images/" + row.at("image").get<std::string>()));
    const auto config = test::image_config(golden.preprocess, row.at("max_crops"));
    const Expectation e{golden, row, row.at("key"), config, make_crops(image, config)};
    const Tiling tiling{row.at("tiling_hw")[0], row.at("tiling_hw")[1]};
    EXPECT_EQ(e.crops.tiling, tiling) << e.key;
    EXPECT_EQ(e.crops.num_crops, row.at("n_crops").get<int64_t>()) << e.key;
    check_masks(e);
    check_patch_sums(e);
    check_token_index(e);
    const std::string crop = e.key + "/crop";
    if (row.contains("f32_rows") && golden.tensors.contains(crop + row.at("f32_rows").at("crop").dump() + "_f32_rows"))
      check_exact_rows(e);
    if (row.contains("u8_crop") && golden.tensors.contains(crop + row.at("u8_crop").dump() + "_u8")) check_8bit_crop(e);
  }
  EXPECT_GE(num_pictures, 1);
}

INSTANTIATE_TEST_SUITE_P(Cases, CropsParity,
                         testing::Values("P1-qwen2-clip", "P4-qwen2-siglip", "P5-qwen2-dinov2", "P6-qwen2-metaclip"),
                         [](const auto& param) { return param.param.substr(0, 2); });

TEST(TilingParity, EqualsTheReference) {
  int num_rows = 0;
  const Json json = read_json_file(test::golden_path("model/tiling.json"));
  for (const Json& row : json.at("rows")) {
    const Tiling expected{row.at("tiling")[0], row.at("tiling")[1]};
    EXPECT_EQ(select_tiling(row.at("arg_h"), row.at("arg_w"), row.at("window"), row.at("max_crops")), expected)
        << row.dump();
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 300);
}

}  // namespace
}  // namespace molmo::image
