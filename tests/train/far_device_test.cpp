// Training on another device than the CPU: the same numbers as there, and nothing that reaches across.
#include <gtest/gtest.h>

#include "far_device.h"
#include "tiny_training.h"
#include "train/trainer.h"

namespace molmo::train {
namespace {

using config::Objective;

Trainer far_or_near(const config::TrainingConfig& config, at::Device device) {
  return Trainer(config, 0, test::kTinyModel, test::random_weights(test::kTinyModel, at::kFloat, 1), nullptr, device);
}

void expect_same_steps(const config::TrainingConfig& config, const Batch& batch) {
  Trainer near = far_or_near(config, at::kCPU), far = far_or_near(config, test::far_device());
  for (int64_t step = 1; step <= 3; ++step) {
    const StepMetrics expected = near.step(step, {&batch, 1}), actual = far.step(step, {&batch, 1});
    EXPECT_NEAR(actual.loss, expected.loss, 1e-5 * expected.loss);
    for (size_t c = 0; c < 3; ++c)
      EXPECT_NEAR(actual.grad_norms[c], expected.grad_norms[c], 1e-4 * expected.grad_norms[c]);
  }
  EXPECT_NEAR(far.evaluate({&batch, 1}).loss, near.evaluate({&batch, 1}).loss, 1e-4);
  for (const auto& [name, weight] : far.weights()) EXPECT_EQ(weight.device(), test::far_device()) << name;
}

Batch two_examples() {
  return test::batch_of({test::example(test::kTinyModel, 6, 1), test::example(test::kTinyModel, 12, 2)});
}

TEST(FarDevice, TakesTheSameSteps) {
  expect_same_steps(test::training_config(), two_examples());
}

TEST(FarDevice, TakesTheSameStepsOfPackedConversations) {
  Batch batch = two_examples();
  batch.examples.subsegment_ids = at::full(batch.examples.labels.sizes(), 1, at::kLong);
  expect_same_steps(test::training_config(), batch);
}

TEST(FarDevice, TakesTheSameStepsOfText) {
  expect_same_steps(test::training_config(Objective::Text), test::text_batch(test::kTinyModel, 3));
}

TEST(FarDevice, TakesTheSameStepsOfPatchLabels) {
  expect_same_steps(test::training_config(Objective::PatchLabels), test::patch_batch(test::kTinyModel, 3, 4));
}

TEST(FarDevice, TakesTheSameStepsOfBlocksComputedAgain) {
  auto config = test::training_config();
  config.recompute = config::Recompute::Blocks;
  expect_same_steps(config, two_examples());
}

TEST(FarDevice, TakesTheSameStepsOfLowRankUpdates) {
  auto config = test::training_config();
  config.stages[0].lora.rank = 2;
  expect_same_steps(config, two_examples());
}

}  // namespace
}  // namespace molmo::train
