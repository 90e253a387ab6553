// Batches that are put together ahead are those that are put together when they are asked for.
#include "train/batches.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

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

// Padding is least where examples of like lengths go together.
TEST_F(Batches, PutLikeLengthsTogether) {
  const auto lengths = [](const std::vector<Batch>& micro_batches) {
    std::vector<int64_t> of_rows;
    for (const Batch& batch : micro_batches) {
      const at::Tensor& ids = batch.examples.input.input_ids;
      const at::Tensor counts = ids.ge(0).sum(1);
      EXPECT_EQ(counts.max().item<int64_t>(), ids.size(1));
      for (int64_t row = 0; row < counts.size(0); ++row) of_rows.push_back(counts[row].item<int64_t>());
    }
    return of_rows;
  };
  auto& stage = config_.stages[0];
  stage.global_batch = 6;
  stage.micro_batch = 6;
  const std::vector<Batch> whole = stream(false)->next_step();
  stage.micro_batch = 2;
  const std::vector<Batch> parts = stream(false)->next_step();
  ASSERT_EQ(whole.size(), 1u);
  ASSERT_EQ(parts.size(), 3u);
  std::vector<int64_t> expected = lengths(whole);
  std::ranges::sort(expected, std::ranges::greater());
  EXPECT_EQ(lengths(parts), expected);
  EXPECT_GT(expected.front(), expected.back());
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
