// Several ranks (threads that meet over Gloo) compute what one does, however they share the work.
#include "train/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "base/error.h"
#include "ranks_training.h"
#include "train/shards.h"

namespace molmo::train {
namespace {

using config::Recompute;
using config::Sharding;
using test::config_with;
using test::expect_equal;
using test::tiny_ranks_model;
using test::train_alone;
using test::train_together;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Ranks, ComputeWhatOneDoes) {
  const config::ModelConfig model = tiny_ranks_model();
  const test::Outcome expected = train_alone(config_with({}), model);
  EXPECT_LT(expected.steps.back().loss, 0.95 * expected.steps.front().loss);
  for (const auto& [num_ranks, sharding, replicas] : {std::tuple<int64_t, Sharding, int64_t>{2, Sharding::None, 1},
                                                      {2, Sharding::Full, 1},
                                                      {4, Sharding::Full, 1},
                                                      {4, Sharding::Hybrid, 2}}) {
    SCOPED_TRACE(fmt::format("{} ranks, {}", num_ranks, enum_name(sharding)));
    expect_equal(train_together(num_ranks, config_with({.sharding = sharding, .replicas = replicas}), model), expected);
  }
}

TEST(Ranks, DropWhatOneDrops) {
  const config::ModelConfig model = tiny_ranks_model();
  auto config = config_with({.sharding = Sharding::Full});
  config.stages[0].residual_dropout = 0.2;
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

TEST(Ranks, ComputeBlocksAgainToo) {
  const config::ModelConfig model = tiny_ranks_model();
  auto config = config_with({.sharding = Sharding::Full});
  const test::Outcome kept = train_together(2, config, model);
  config.recompute = Recompute::Blocks;
  const test::Outcome again = train_together(2, config, model);
  for (size_t i = 0; i < kept.steps.size(); ++i) EXPECT_EQ(again.steps[i].loss, kept.steps[i].loss);
  EXPECT_EQ(test::difference(again.weights, kept.weights), 0);
}

TEST(Ranks, TrainMixturesOfExperts) {
  config::ModelConfig model = tiny_ranks_model();
  model.decoder.num_experts = 4;
  model.decoder.num_active_experts = 2;
  const auto config = config_with({.sharding = Sharding::Full});
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

TEST(Ranks, SpreadWeightsThatAreNotTrainedToo) {
  const config::ModelConfig model = tiny_ranks_model();
  auto config = config_with({.sharding = Sharding::Full});
  config.stages[0].language.frozen = true;
  expect_equal(train_together(2, config, model), train_alone(config, model));
  config.stages[0].language.frozen = false;
  config.stages[0].lora = {.rank = 2, .alpha = 4, .targets = {"att_proj", "ff_out"}};
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

// Saved by one number of ranks, read by another.
TEST(Ranks, ContinueWhatOthersSaved) {
  test::expect_legs_continue(tiny_ranks_model(), {{2, {.sharding = Sharding::Full}, 0, 5},
                                                  {4, {.sharding = Sharding::Hybrid, .replicas = 2}, 5, 9},
                                                  {1, {}, 9, 12},
                                                  {2, {.sharding = Sharding::None}, 12, 16},
                                                  {4, {.sharding = Sharding::Full}, 16, 20}});
}

TEST(Shards, BlocksHaveNoMemoryWhileTheyAreNotUsed) {
  test::run_ranks(2, [](const std::shared_ptr<dist::ProcessGroup>& group) {
    const Ranks ranks = make_ranks(group, {.sharding = Sharding::Full});
    const auto parameter = [](const std::string& name, uint64_t seed) {
      return Parameter{name, model::Component::Language, true,
                       test::random_tensor({7, 5}, seed).set_requires_grad(true)};
    };
    std::vector<Parameter> parameters = {parameter("transformer.blocks.0.a", 1), parameter("transformer.wte", 2),
                                         parameter("transformer.blocks.0.b", 3)};
    Shards shards(parameters, {}, ranks);
    const auto num_bytes = [&](size_t i) { return parameters[i].value.storage().nbytes(); };
    EXPECT_EQ(num_bytes(0), 0u);
    EXPECT_GT(num_bytes(1), 0u);
    const auto block = [&](const at::Tensor& x) { return x * parameters[0].value + parameters[2].value; };
    const at::Tensor x = test::random_tensor({7, 5}, 4).set_requires_grad(true);
    const at::Tensor y = shards.run_block(0, block, x, /*recomputes=*/false);
    EXPECT_GT(num_bytes(0), 0u);  // the backward pass begins with it
    EXPECT_TRUE(y.equal(x * test::random_tensor({7, 5}, 1) + test::random_tensor({7, 5}, 3)));
    y.sum().backward();
    EXPECT_EQ(num_bytes(0), 0u);
    EXPECT_TRUE(x.grad().equal(test::random_tensor({7, 5}, 1)));
    shards.sum_gradients();
    const Shards::Part& part = shards.part(0);
    EXPECT_TRUE(shards.gradient(0).equal((2 * x).detach().view(-1).narrow(0, part.begin, part.value.numel())));
    EXPECT_FALSE(shards.gradient(1).defined());
    std::array<double, 1> num_held = {static_cast<double>(part.value.numel())};
    group->sum(num_held);
    EXPECT_EQ(num_held[0], 35);
  });
}

TEST(Ranks, AreDividedAsTheConfigurationSays) {
  test::run_ranks(2, [](const std::shared_ptr<dist::ProcessGroup>& group) {
    EXPECT_THAT([&] { make_ranks(group, {.sharding = Sharding::Hybrid, .replicas = 3}); },
                ThrowsMessage<Error>(HasSubstr("the run has 2 processes, expected a multiple of 3")));
  });
}

}  // namespace
}  // namespace molmo::train
