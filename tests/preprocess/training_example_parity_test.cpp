// Batches of training, against those that the reference's trainer was given.
#include "preprocess/training_example.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"
#include "image/image.h"

namespace molmo::preprocess {
namespace {

class TrainingExampleParity : public testing::TestWithParam<std::string> {};

TEST_P(TrainingExampleParity, BatchEqualsTheReference) {
  const std::string folder = "model/" + GetParam() + "/train/";
  const auto checkpoint = checkpoint::Checkpoint::open(test::checkpoint_path(GetParam()));
  const auto tokenizer = text::Tokenizer::load(checkpoint.tokenizer_folder());
  const Json golden = read_json_file(test::fixture_path(folder + "train.json"));
  const auto tensors = checkpoint::SafetensorsFile::open(test::fixture_path(folder + "train_grad.safetensors"));

  std::vector<TrainingExample> examples;
  for (size_t i = 0; i < golden["messages"].size(); ++i) {
    const Json& messages = golden["messages"][i];
    std::vector<text::Conversation> conversations;
    for (const auto& turns : messages[0].is_string() ? Json::array({messages}) : messages) {
      conversations.push_back({.messages = turns.get<std::vector<std::string>>(), .option_names = {}});
    }
    PackOptions options{.weighting = LossWeighting::RootSubsegments, .example_weight = {}};
    if (!golden["weight"][i].is_null()) options.example_weight = golden["weight"][i].get<double>();
    const image::Image image =
        image::read_image(test::fixture_path("model/images/" + golden["images"][i].get<std::string>()));
    examples.push_back(build_training_example(checkpoint.config(), tokenizer, {&image, 1}, conversations, options));
    EXPECT_EQ(examples.back().input.images.size(0), golden["n_crops"][i].get<int64_t>());
  }
  const TrainingExample batch = collate(examples, {.num_tokens = golden["seq_len"].get<int64_t>(),
                                                   .num_crops = golden["max_crops_padded"].get<int64_t>()});

  const auto expect_equal = [&](const std::string& name, const at::Tensor& actual, double tolerance) {
    const at::Tensor expected = tensors.tensor("batch/" + name);
    ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
    EXPECT_LE(actual.sub(expected).abs().max().item<double>(), tolerance) << name;
  };
  expect_equal("input_ids", batch.input.input_ids, 0);
  expect_equal("labels", batch.labels, 0);
  expect_equal("position_ids", batch.input.position_ids, 0);
  expect_equal("subsegment_ids", batch.subsegment_ids, 0);
  expect_equal("image_input_idx", batch.input.image_input_idx, 0);
  expect_equal("loss_masks", batch.loss_weights, 1e-7);
  expect_equal("image_masks", batch.input.image_masks, 1e-6);
  EXPECT_TRUE(batch.input.images.select(1, batch.input.images.size(1) - 1).eq(-1).all().item<bool>());
}

// P1's files are large, and only in the full set of golden numbers.
std::vector<std::string> cases_with_training_files() {
  std::vector<std::string> cases = test::model_cases();
  std::erase_if(cases,
                [](const std::string& name) { return !test::has_fixture("model/" + name + "/train/train.json"); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, TrainingExampleParity, testing::ValuesIn(cases_with_training_files()),
                         [](const auto& parameter) { return parameter.param.substr(0, 2); });

}  // namespace
}  // namespace molmo::preprocess
