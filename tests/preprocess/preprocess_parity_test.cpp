// Pictures and prompts to tensors, against the golden numbers of the reference's preprocessor.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"
#include "image/image.h"
#include "preprocess/build_input.h"

namespace molmo::preprocess {
namespace {

struct Case {
  explicit Case(const std::string& name)
      : folder("model/" + name),
        checkpoint(checkpoint::Checkpoint::open(test::checkpoint_path(name))),
        tokenizer(text::Tokenizer::load(checkpoint.tokenizer_folder())),
        expected(read_json_file(file("expected.json"))["forward"]) {}

  std::filesystem::path file(const std::string& name) const { return test::fixture_path(folder + "/" + name); }
  const config::ModelConfig& config() const { return checkpoint.config(); }

  std::string folder;
  checkpoint::Checkpoint checkpoint;
  text::Tokenizer tokenizer;
  Json expected;
};

std::vector<int64_t> expand_runs(const Json& runs) {
  std::vector<int64_t> ids;
  for (const auto& run : runs) ids.insert(ids.end(), run[1].get<size_t>(), run[0].get<int64_t>());
  return ids;
}

std::vector<int64_t> ints(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.to(at::kLong).contiguous();
  return {wide.const_data_ptr<int64_t>(), wide.const_data_ptr<int64_t>() + wide.numel()};
}

class PreprocessParity : public testing::TestWithParam<std::string> {};

TEST_P(PreprocessParity, TokensIndicesAndMasksEqualTheReference) {
  const Case model(GetParam());
  const Json golden = read_json_file(model.file("preprocess/preprocess.json"));
  const bool has_tensors = test::has_fixture(model.folder + "/preprocess/preprocess.safetensors");
  int num_compared = 0;
  for (const auto& row : golden["images"]) {
    const std::string key = row["key"];
    SCOPED_TRACE(key);
    const image::Image image = image::read_image(test::fixture_path("model/images/" + row["image"].get<std::string>()));
    const ModelInput input =
        build_input(model.config(), model.tokenizer, {&image, 1}, model.expected["img_prompt"].get<std::string>(),
                    {.max_crops = row["max_crops"].get<int64_t>()});
    EXPECT_EQ(input.num_image_tokens, row["n_tokens"].get<int64_t>());
    EXPECT_EQ(input.images.size(0), row["n_crops"].get<int64_t>());
    EXPECT_EQ(ints(input.input_ids), expand_runs(row["inference_input_ids_rle"]));
    EXPECT_EQ(ints(input.position_ids).back(), row["inference_len"].get<int64_t>() - 1);
    if (!has_tensors) continue;
    const auto tensors = checkpoint::SafetensorsFile::open(model.file("preprocess/preprocess.safetensors"));
    if (!tensors.contains(key + "/image_input_idx")) continue;
    ++num_compared;
    // The file counts from the first image token.
    const at::Tensor index = tensors.tensor(key + "/image_input_idx").to(at::kLong);
    const int64_t offset = row["inference_image_input_idx_offset"];
    EXPECT_EQ(ints(input.image_input_idx), ints(index.add(index.ge(0).to(at::kLong).mul(offset))));
    const at::Tensor masks = tensors.tensor(key + "/image_masks");
    EXPECT_LE(input.image_masks.sub(masks).abs().max().item<double>(), 1e-6);
  }
  if (has_tensors) {
    EXPECT_GE(num_compared, 1);
  }
}

TEST_P(PreprocessParity, OneAndTwoPicturesStandWhereTheTextSays) {
  const Case model(GetParam());
  const auto tensors = checkpoint::SafetensorsFile::open(model.file("forward/forward.safetensors"));
  const image::Image image =
      image::read_image(test::fixture_path("model/images/" + model.expected["fwd_image"].get<std::string>()));
  const auto compare = [&](const std::string& group, const std::string& prompt, size_t num_images) {
    SCOPED_TRACE(group);
    const std::vector<image::Image> images(num_images, image);
    const ModelInput input =
        build_input(model.config(), model.tokenizer, images, model.expected[prompt].get<std::string>());
    EXPECT_EQ(ints(input.input_ids), ints(tensors.tensor(group + "/input_ids")));
    EXPECT_EQ(ints(input.position_ids), ints(tensors.tensor(group + "/position_ids")));
    EXPECT_EQ(ints(input.image_input_idx), ints(tensors.tensor(group + "/image_input_idx")));
    EXPECT_LE(input.image_masks.sub(tensors.tensor(group + "/image_masks")).abs().max().item<double>(), 1e-6);
    EXPECT_EQ(input.image_sizes, std::vector<ImageSize>(num_images, image.size));
  };
  compare("image", "img_prompt", 1);
  compare("two_images", "two_prompt", 2);
}

TEST_P(PreprocessParity, BatchEqualsTheReference) {
  const Case model(GetParam());
  const auto tensors = checkpoint::SafetensorsFile::open(model.file("forward/forward.safetensors"));
  const image::Image image =
      image::read_image(test::fixture_path("model/images/" + model.expected["fwd_image"].get<std::string>()));
  const std::vector<ModelInput> examples = {
      build_input(model.config(), model.tokenizer, {&image, 1}, model.expected["img_prompt"].get<std::string>()),
      build_input(model.config(), model.tokenizer, {}, model.expected["text_prompt"].get<std::string>())};
  const ModelInput batch = collate(examples);
  EXPECT_EQ(ints(batch.input_ids), ints(tensors.tensor("batch/input_ids")));
  EXPECT_EQ(ints(batch.image_input_idx), ints(tensors.tensor("batch/image_input_idx")));
  EXPECT_LE(batch.image_masks.sub(tensors.tensor("batch/image_masks")).abs().max().item<double>(), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Models, PreprocessParity, testing::ValuesIn(test::model_cases()),
                         [](const auto& parameter) { return parameter.param.substr(0, 2); });

}  // namespace
}  // namespace molmo::preprocess
