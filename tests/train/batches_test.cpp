// Batches that are put together ahead are those that are put together when they are asked for.
#include "train/batches.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "fixtures.h"
#include "train/toy_run.h"

namespace molmo::train {
namespace {

class Batches : public testing::Test {
 protected:
  Batches() : config_(test::toy_config(folder_.path())) { test::write_toy_run(folder_.path(), 6); }

  std::unique_ptr<BatchStream> stream(bool is_for_gpu) const {
    const auto& stage = config_.stages[0];
    const auto checkpoint = checkpoint::Checkpoint::open(config_.init.model);
    auto tokenizer = std::make_shared<const text::Tokenizer>(text::Tokenizer::load(checkpoint.tokenizer_folder()));
    return std::make_unique<BatchStream>(
        std::make_shared<const data::Mixture>(data::open_mixture(stage.data, {.seed = stage.seed})),
        std::make_shared<const ExampleBuilder>(stage, checkpoint.config(), std::move(tokenizer)), stage,
        BatchStreamOptions{.num_workers = 2, .is_for_gpu = is_for_gpu});
  }

  test::TemporaryFolder folder_;
  config::TrainingConfig config_;
};

TEST_F(Batches, AreTheSameAhead) {
  std::filesystem::remove(folder_.path() / "pictures/2.png");
  const auto now = stream(false), ahead = stream(true);
  size_t num_bad = 0;
  for (int step = 0; step < 6; ++step) {
    const std::vector<Batch> expected = now->next_step(), actual = ahead->next_step();
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      EXPECT_TRUE(at::equal(actual[i].examples.labels, expected[i].examples.labels));
      EXPECT_TRUE(at::equal(actual[i].examples.input.images, expected[i].examples.input.images));
    }
    ASSERT_EQ(ahead->bad_samples().size(), now->bad_samples().size());
    num_bad += now->bad_samples().size();
  }
  EXPECT_GT(num_bad, 0u);
}

TEST_F(Batches, SayAgainWhyThereAreNoMore) {
  for (int i = 0; i < 6; ++i) std::filesystem::remove(folder_.path() / ("pictures/" + std::to_string(i) + ".png"));
  const auto ahead = stream(true);
  EXPECT_THROW(ahead->next_step(), Error);
  EXPECT_THROW(ahead->next_step(), Error);
}

TEST_F(Batches, EndWhileTheyArePutTogether) {
  stream(true)->next_step();
  stream(true);
}

}  // namespace
}  // namespace molmo::train
