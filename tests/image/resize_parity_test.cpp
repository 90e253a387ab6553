// The four resize paths and the size rule against the reference's numbers, which they equal to the bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "golden.h"
#include "image/resize.h"

namespace molmo::image {
namespace {

using config::ResizeMode;

struct Case {
  std::string key, mode;
  ImageSize from, to;
};

ImageSize parse_size(const std::string& text) {
  const size_t x = text.find('x');
  return {std::stoll(text.substr(0, x)), std::stoll(text.substr(x + 1))};
}

// "mode/HxW_to_HxW"
Case parse_case(const std::string& key) {
  const size_t slash = key.find('/'), to = key.find("_to_");
  return {key, key.substr(0, slash), parse_size(key.substr(slash + 1, to - slash - 1)), parse_size(key.substr(to + 4))};
}

std::string size_name(ImageSize size) {
  return std::to_string(size.height) + "x" + std::to_string(size.width);
}

std::vector<float> resize(const Image& image, ImageSize size, ResizeMode mode) {
  std::vector<float> row(size.width * 3), pixels;
  Resizer(image, size, mode).resize_rows(0, size.height, row.data(), [&](int64_t) {
    pixels.insert(pixels.end(), row.begin(), row.end());
  });
  return pixels;
}

class ResizeParity : public testing::Test {
 protected:
  Image input(ImageSize size) const { return {size, tensors_.values<uint8_t>("in/" + size_name(size))}; }

  Json json_ = read_json_file(test::golden_path("model/resize/resize.json"));
  test::GoldenTensors tensors_{test::golden_path("model/resize/resize.safetensors")};
};

TEST_F(ResizeParity, PaddedFloatPathEqualsTheReference) {
  int num_cases = 0;
  for (const std::string key : json_.at("keys")) {
    const Case c = parse_case(key);
    if (c.mode != "default" || !tensors_.contains(key)) continue;
    const ImageSize size = fit_size(c.from, c.to);
    const int64_t top = (c.to.height - size.height) / 2, left = (c.to.width - size.width) / 2;
    const std::vector<float> found = resize(input(c.from), size, ResizeMode::PadBilinear);
    const std::vector<float> expected = tensors_.values<float>(key);
    const std::vector<uint8_t> mask = tensors_.values<uint8_t>(key + "/mask");
    for (int64_t y = 0; y < c.to.height; ++y) {
      for (int64_t x = 0; x < c.to.width; ++x) {
        const int64_t own_y = y - top, own_x = x - left, place = y * c.to.width + x;
        const bool is_picture = own_y >= 0 && own_y < size.height && own_x >= 0 && own_x < size.width;
        ASSERT_EQ(mask[place] != 0, is_picture) << key << " at " << y << ", " << x;
        for (int64_t channel = 0; channel < 3; ++channel) {
          const float value = is_picture ? found[(own_y * size.width + own_x) * 3 + channel] : 0;
          ASSERT_EQ(expected[place * 3 + channel], value) << key << " at " << y << ", " << x;
        }
      }
    }
    ++num_cases;
  }
  EXPECT_GE(num_cases, 11);
}

TEST_F(ResizeParity, EightBitPathsEqualTheReference) {
  int num_cases = 0;
  for (const std::string key : json_.at("keys")) {
    const Case c = parse_case(key);
    if (c.mode == "default" || !tensors_.contains(key)) continue;
    const ResizeMode mode = c.mode == "siglip" ? ResizeMode::StretchBilinear : ResizeMode::StretchBicubic;
    const std::vector<float> found = resize(input(c.from), c.to, mode);
    const std::vector<float> expected = tensors_.values<float>(key);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], expected[i]) << key << " at " << i;
    ++num_cases;
  }
  EXPECT_GE(num_cases, 42);
}

TEST_F(ResizeParity, SizesFollowTheFloat32Rule) {
  int num_rows = 0;
  for (const Json& row : json_.at("scaled_size_rows").at("rows")) {
    const auto value = row.get<std::vector<int64_t>>();
    const ImageSize expected{value[4], value[5]};
    EXPECT_EQ(fit_size({value[0], value[1]}, {value[2], value[3]}), expected) << row.dump();
    ++num_rows;
  }
  EXPECT_EQ(num_rows, 200);
}

TEST_F(ResizeParity, ThinPicturesGetAnEmptySideWhereTheReferenceRaises) {
  for (const std::string key : json_.at("reference_raises_zero_size")) {
    const Case c = parse_case(key);
    const ImageSize size = fit_size(c.from, c.to);
    EXPECT_EQ(std::min(size.height, size.width), 0) << key;
  }
}

}  // namespace
}  // namespace molmo::image
