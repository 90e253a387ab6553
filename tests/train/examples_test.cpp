// Examples become tensors: what is learnt, where it stands, what is refused.
#include "train/examples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ops/equal.h>

#include <map>

#include "base/error.h"
#include "data/registry.h"
#include "fixtures.h"
#include "tiny_training.h"
#include "train/toy_run.h"

namespace molmo::train {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class Examples : public testing::Test {
 protected:
  Examples() {
    test::write_toy_run(folder_.path(), 3);
    tokenizer_ = std::make_shared<const text::Tokenizer>(text::Tokenizer::load(folder_.path() / "model"));
    stage_ = test::toy_config(folder_.path()).stages[0];
  }

  ExampleBuilder builder() const { return {stage_, test::toy_model(), tokenizer_}; }

  static data::Example text_example(const std::string& text) {
    data::Example example;
    example.id = "t";
    example.plain_text = text;
    return example;
  }

  // A picture of 28 x 28 pixels with a label map of the same size.
  data::Example labelled(const std::vector<uint8_t>& classes) const {
    image::Image map{{28, 28}, {}};
    for (const uint8_t value : classes) map.pixels.insert(map.pixels.end(), 3, value);
    image::write_png(map, folder_.path() / "labels.png");
    data::Example example;
    example.id = "p";
    example.pictures = {{folder_.path() / "pictures/0.png", nullptr}};
    example.label_map = data::Picture{folder_.path() / "labels.png", nullptr};
    return example;
  }

  std::vector<int64_t> targets_of(const preprocess::TrainingExample& example) const {
    std::vector<int64_t> targets;
    for (int64_t i = 0; i < example.labels.size(0); ++i) {
      if (example.loss_weights[i].item<float>() > 0) targets.push_back(example.labels[i].item<int64_t>());
    }
    return targets;
  }

  test::TemporaryFolder folder_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  config::StageConfig stage_;
  RandomStream draws_{1, "examples_test"};
};

TEST_F(Examples, ConversationsAreTheAnswersAfterThePicture) {
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  const PreparedExample prepared = builder().prepare(dataset->example(1, draws_), draws_);
  const auto& example = prepared.example;
  EXPECT_EQ(example.input.images.sizes(), (std::vector<int64_t>{1, 16, 147}));
  // Two conversations about the picture, in some order, each " bee" and the end.
  std::vector<int64_t> answer = tokenizer_->encode(" bee");
  answer.push_back(*tokenizer_->eos_id());
  std::vector<int64_t> both = answer;
  both.insert(both.end(), answer.begin(), answer.end());
  EXPECT_EQ(targets_of(example), both);
  EXPECT_NEAR(example.loss_weights.max().item<double>(), std::sqrt(0.5), 1e-7);
  EXPECT_TRUE(example.subsegment_ids.defined());
}

TEST_F(Examples, OrderAndPhrasingAreDrawn) {
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  std::set<std::string> texts;
  for (uint64_t i = 0; i < 20; ++i) {
    RandomStream draws(1, "order", i), again(1, "order", i);
    const data::Example example = dataset->example(0, draws_);
    const auto ids = builder().prepare(example, draws).example.input.input_ids;
    EXPECT_TRUE(at::equal(ids, builder().prepare(example, again).example.input.input_ids));
    std::string text;
    for (int64_t k = 0; k < ids.size(0); ++k) text += std::to_string(ids[k].item<int64_t>()) + " ";
    texts.insert(text);
  }
  EXPECT_GT(texts.size(), 1u);
}

TEST_F(Examples, AShareOfPicturesIsShownInOneCrop) {
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  const data::Example example = dataset->example(0, draws_), labels = labelled(std::vector<uint8_t>(28 * 28, 1));
  config::ModelConfig model = test::toy_model();
  model.image_input.crop_mode = config::CropMode::OverlapAndResize;
  stage_.one_crop_share = 0.75;
  const ExampleBuilder chat(stage_, model, tokenizer_);
  stage_.objective = config::Objective::PatchLabels;
  stage_.patch_classes = {3};
  const ExampleBuilder patch_labels(stage_, model, tokenizer_);
  std::map<int64_t, int> pictures, labelled_pictures;  // by number of crops
  for (uint64_t i = 0; i < 400; ++i) {
    RandomStream draws(1, "crops", i);
    ++pictures[chat.prepare(example, draws).example.input.images.size(0)];
    const PreparedExample prepared = patch_labels.prepare(labels, draws);
    EXPECT_EQ(prepared.patch_labels.size(0), prepared.example.input.images.size(0));
    ++labelled_pictures[prepared.patch_labels.size(0)];
  }
  EXPECT_THAT(pictures, testing::SizeIs(2));
  EXPECT_NEAR(pictures[1], 300, 35);  // four standard deviations
  EXPECT_THAT(labelled_pictures, testing::SizeIs(2));
  EXPECT_NEAR(labelled_pictures[1], 300, 35);
}

TEST_F(Examples, PlainTextIsLearntWhole) {
  stage_.objective = config::Objective::Text;
  const auto example = builder().prepare(text_example("once upon"), draws_).example;
  std::vector<int64_t> ids = tokenizer_->encode("once upon");
  EXPECT_EQ(example.input.input_ids[0].item<int64_t>(), *tokenizer_->bos_id());
  EXPECT_EQ(example.input.input_ids.size(0), static_cast<int64_t>(ids.size()) + 1);
  ids.push_back(*tokenizer_->eos_id());
  EXPECT_EQ(targets_of(example), ids);
  EXPECT_TRUE(example.loss_weights.eq(1).all().item<bool>());
  EXPECT_FALSE(example.input.images.defined());

  stage_.sequence_length = 5;
  const PreparedExample prepared[] = {builder().prepare(text_example("once upon a time"), draws_),
                                      builder().prepare(text_example("on"), draws_)};
  const Batch batch = builder().collate(prepared);
  EXPECT_EQ(batch.examples.input.input_ids.sizes(), (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(batch.examples.labels[1][3].item<int64_t>(), -1);
}

TEST_F(Examples, PatchesHaveTheClassOfTheirPixels) {
  stage_.objective = config::Objective::PatchLabels;
  stage_.patch_classes = {3};
  std::vector<uint8_t> classes(28 * 28, 0);
  for (int64_t y = 0; y < 28; ++y) {
    for (int64_t x = 0; x < 28; ++x) {
      if (y >= 14 && x < 7) classes[static_cast<size_t>(y * 28 + x)] = 2;  // two patches on the left
      if (y < 7 && x >= 21) classes[static_cast<size_t>(y * 28 + x)] = 255;
    }
  }
  const PreparedExample prepared = builder().prepare(labelled(classes), draws_);
  std::vector<int64_t> expected(16, 0);
  expected[8] = expected[12] = 2;
  expected[3] = -1;
  const at::Tensor labels = builder().collate({&prepared, 1}).patch_labels;
  EXPECT_EQ(labels.sizes(), (std::vector<int64_t>{1, 1, 16, 1}));
  for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(labels[0][0][i][0].item<int64_t>(), expected[static_cast<size_t>(i)]) << i;
}

TEST_F(Examples, PadsToOneShapeWhereTheStageSaysSo) {
  stage_.pad_batches = true;
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  const PreparedExample prepared = builder().prepare(dataset->example(0, draws_), draws_);
  EXPECT_EQ(builder().collate({&prepared, 1}).examples.input.input_ids.size(1), stage_.sequence_length);
}

TEST_F(Examples, JoinedCropsTeachTheSameAsPaddedOnes) {
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  config::TrainingConfig config = test::toy_config(folder_.path());
  config::ModelConfig model = test::toy_model();
  model.image_input.crop_mode = config::CropMode::OverlapAndResize;
  stage_.one_crop_share = 0.5;
  const ExampleBuilder builder(stage_, model, tokenizer_);
  std::vector<PreparedExample> prepared;
  int64_t num_crops = 0;
  for (uint64_t i = 0; i < 6; ++i) {
    RandomStream draws(1, "joined", i);
    prepared.push_back(builder.prepare(dataset->example(i % 3, draws), draws));
    num_crops += prepared.back().example.input.images.size(0);
  }
  const Batch padded = builder.collate(prepared), joined = builder.collate_joined(prepared, /*is_pinned=*/false);
  ASSERT_LT(num_crops, padded.examples.input.images.size(0) * padded.examples.input.images.size(1));
  EXPECT_EQ(joined.examples.input.images.sizes().slice(0, 2), (std::vector<int64_t>{1, num_crops}));
  const model::Weights weights = test::random_weights(model, at::kFloat, 1);
  Trainer of_padded(config, 0, model, weights), of_joined(config, 0, model, weights);
  for (int64_t step = 1; step <= 2; ++step) {
    const StepMetrics expected = of_padded.step(step, {&padded, 1}), actual = of_joined.step(step, {&joined, 1});
    EXPECT_NEAR(actual.loss, expected.loss, 1e-5);
    EXPECT_EQ(actual.num_crops, num_crops);
    EXPECT_EQ(actual.num_tokens, expected.num_tokens);
    for (size_t part = 0; part < 3; ++part)
      EXPECT_NEAR(actual.grad_norms[part], expected.grad_norms[part], 1e-4 * expected.grad_norms[part]) << part;
  }
}

TEST_F(Examples, JoinedPatchLabelsLieBesideTheirCrops) {
  stage_.objective = config::Objective::PatchLabels;
  stage_.patch_classes = {3};
  std::vector<PreparedExample> prepared;
  for (const uint8_t kind : {1, 2})
    prepared.push_back(builder().prepare(labelled(std::vector<uint8_t>(28 * 28, kind)), draws_));
  const Batch padded = builder().collate(prepared), joined = builder().collate_joined(prepared, /*is_pinned=*/false);
  EXPECT_TRUE(at::equal(joined.patch_labels.squeeze(0), padded.patch_labels.squeeze(1)));
  EXPECT_TRUE(at::equal(joined.examples.input.images.squeeze(0), padded.examples.input.images.squeeze(1)));
}

TEST_F(Examples, RefusesWhatCannotBeLearnt) {
  const auto refuses = [&](const data::Example& example, const std::string& reason) {
    EXPECT_THAT([&] { builder().prepare(example, draws_); }, ThrowsMessage<Error>(HasSubstr(reason)));
  };
  const auto dataset = data::open_dataset({.name = "jsonl", .path = folder_.path() / "data.jsonl"});
  data::Example missing;
  missing.id = "m";
  missing.pictures = {{.file = folder_.path() / "nowhere.png"}};
  missing.text = dataset->example(0, draws_).text;
  refuses(missing, "nowhere.png");
  refuses(text_example("no conversation"), "has no conversation");

  stage_.sequence_length = 5;
  refuses(dataset->example(0, draws_), "toy-0: no token within sequence_length, 5,");

  stage_.objective = config::Objective::Text;
  refuses(dataset->example(0, draws_), "toy-0: has no plain text");
  stage_.objective = config::Objective::PatchLabels;
  stage_.patch_classes = {3};
  refuses(dataset->example(0, draws_), "has 1 pictures and no label map");
  refuses(labelled(std::vector<uint8_t>(28 * 28, 7)), "class 7, expected less than patch_classes, 3");
  data::Example other_size = labelled(std::vector<uint8_t>(28 * 28, 1));
  image::write_png(test::toy_picture(0, 14), folder_.path() / "small.png");
  other_size.pictures[0].file = folder_.path() / "small.png";
  refuses(other_size, "28x28 pixels, the picture 14x14");
  data::Example colored = labelled(std::vector<uint8_t>(28 * 28, 1));
  colored.label_map->file = folder_.path() / "pictures/1.png";
  refuses(colored, "has a colour");
}

}  // namespace
}  // namespace molmo::train
