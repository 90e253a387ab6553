// Decoded pictures have the digests that the reference recorded.
#include <gtest/gtest.h>

#include "golden.h"
#include "sha256.h"

namespace molmo::image {
namespace {

TEST(DecodeParity, Sha256OfTheHelperIsRight) {
  const std::string text = "abc";
  EXPECT_EQ(test::sha256(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(DecodeParity, PicturesEqualTheReferences) {
  int num_pictures = 0;
  for (const std::string& name : test::model_cases()) {
    const Json preprocess = read_json_file(test::golden_path("model/" + name + "/preprocess/preprocess.json"));
    for (const Json& row : preprocess.at("images")) {
      const std::string file = row.at("image");
      const Image image = read_image(test::golden_path("model/images/" + file));
      EXPECT_EQ(image.size.height, row.at("decoded_hw")[0].get<int64_t>()) << file;
      EXPECT_EQ(image.size.width, row.at("decoded_hw")[1].get<int64_t>()) << file;
      EXPECT_EQ(test::sha256(image.pixels), row.at("decoded_rgb_sha256").get<std::string>()) << file;
      ++num_pictures;
    }
  }
  EXPECT_GT(num_pictures, 40);
}

}  // namespace
}  // namespace molmo::image
