// Low-rank updates: what is trained, what is not, and that merged and kept apart are the same model.
#include <ATen/ops/matmul.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tiny_training.h"
#include "train/trainer.h"

namespace molmo::train {
namespace {

config::TrainingConfig lora_config() {
  auto config = test::training_config();
  config.stages[0].lora.rank = 3;
  config.stages[0].lora.alpha = 6;
  return config;
}

Batch batch() {
  return test::batch_of({test::example(test::kTinyModel, 8, 1), test::example(test::kTinyModel, 11, 2)});
}

TEST(Lora, BeginsAsTheBaseModel) {
  const auto weights = test::random_weights(test::kTinyModel);
  const Batch one = batch();
  // Of tower and connector, trained keys and values are one product, whose library may add in another order.
  auto base_config = test::training_config();
  base_config.stages[0].vision.frozen = base_config.stages[0].connector.frozen = true;
  const Trainer with(lora_config(), 0, test::kTinyModel, weights), without(base_config, 0, test::kTinyModel, weights);
  EXPECT_EQ(with.evaluate({&one, 1}).loss, without.evaluate({&one, 1}).loss);
}

TEST(Lora, LearnsWithTheBaseUntouched) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const auto weights = test::random_weights(test::kTinyModel, type);
    const auto before = test::copy_of(weights);
    Trainer trainer(lora_config(), 0, test::kTinyModel, weights);
    const Batch one = batch();
    StepMetrics metrics;
    for (int64_t step = 1; step <= 90; ++step) metrics = trainer.step(step, {&one, 1});
    EXPECT_LT(metrics.loss, 0.3) << toString(type);
    for (const auto& [name, weight] : weights) {
      EXPECT_TRUE(weight.equal(before.at(name))) << name;
      EXPECT_FALSE(weight.grad().defined()) << name;
      EXPECT_TRUE(trainer.weights().at(name).equal(weight)) << name;
    }
    // 2 blocks of four layers, and the head, whose name ends in ff_out too.
    EXPECT_EQ(trainer.adapter().updates.size(), 9);
    EXPECT_EQ(trainer.state().size(), 9 * 2 * 3 + 1);
  }
}

TEST(Lora, MergedEqualsKeptApart) {
  const auto weights = test::random_weights(test::kTinyModel);
  Trainer trainer(lora_config(), 0, test::kTinyModel, weights);
  const Batch one = batch();
  for (int64_t step = 1; step <= 5; ++step) trainer.step(step, {&one, 1});
  auto merged = test::copy_of(weights);
  for (const auto& [name, update] : trainer.adapter().updates) {
    EXPECT_EQ(update.scale, 2);
    merged.at(name) += update.scale * at::matmul(update.b, update.a);
  }
  const Trainer whole(test::training_config(), 0, test::kTinyModel, merged);
  EXPECT_NEAR(whole.evaluate({&one, 1}).loss, trainer.evaluate({&one, 1}).loss, 1e-5);
}

TEST(Lora, NamesTheNearestLayerForAWrongTarget) {
  auto config = lora_config();
  config.stages[0].lora.targets = {"att_proj", "atn_out"};
  try {
    const Trainer trainer(config, 0, test::kTinyModel, test::random_weights(test::kTinyModel));
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    EXPECT_THAT(error.what(), testing::HasSubstr("attn_out"));
  }
}

}  // namespace
}  // namespace molmo::train
