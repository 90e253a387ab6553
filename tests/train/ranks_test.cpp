// Several ranks (threads that meet over Gloo) compute what one does, however they share the work.
#include "train/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "base/error.h"
#include "checkpoint/training_state.h"
#include "dist/thread_ranks.h"
#include "fixtures.h"
#include "tiny_training.h"
#include "train/shards.h"

namespace molmo::train {
namespace {

using config::Recompute;
using config::Sharding;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr int64_t kSteps = 20;

// Its vocabulary has a prime number of rows.
config::ModelConfig tiny_model() {
  config::ModelConfig model = test::tiny_config();
  model.decoder.vocab_size = model.decoder.embedding_size = 31;
  model.decoder.num_layers = 3;
  return model;
}

// The global batch of a step in four parts, one of them without pictures.
std::vector<Batch> global_batch(const config::ModelConfig& model, int64_t step) {
  const auto seed = static_cast<uint64_t>(10 * step);
  std::vector<Batch> parts;
  for (uint64_t i = 0; i < 3; ++i)
    parts.push_back(test::batch_of({test::example(model, 6 + static_cast<int64_t>(i), seed + i)}));
  parts.push_back(test::text_batch(model, seed + 9));
  return parts;
}

struct Outcome {
  std::vector<StepMetrics> steps;
  double loss_after = 0;
  model::Weights weights;
};

Outcome run_steps(Trainer& trainer, const config::ModelConfig& model, const Ranks& ranks, int64_t begin, int64_t end) {
  Outcome outcome;
  const auto share = [&](int64_t step) {
    std::vector<Batch> own;
    const auto all = global_batch(model, step);
    for (size_t i = static_cast<size_t>(ranks.data->rank()); i < all.size();
         i += static_cast<size_t>(ranks.data->num_ranks()))
      own.push_back(all[i]);
    return own;
  };
  for (int64_t step = begin + 1; step <= end; ++step) outcome.steps.push_back(trainer.step(step, share(step)));
  outcome.loss_after = trainer.evaluate(share(end + 1)).loss;
  outcome.weights = test::copy_of(trainer.weights());
  return outcome;
}

config::TrainingConfig config_with(const config::ParallelConfig& parallel) {
  config::TrainingConfig config = test::training_config();
  config.parallel = parallel;
  for (auto* component : {&config.stages[0].vision, &config.stages[0].connector, &config.stages[0].language})
    component->learning_rate = 1e-3;
  return config;
}

Outcome train_alone(const config::TrainingConfig& config, const config::ModelConfig& model) {
  Trainer trainer(config, 0, model, test::random_weights(model));
  return run_steps(trainer, model, Ranks(), 0, kSteps);
}

Outcome train_together(int64_t num_ranks, const config::TrainingConfig& config, const config::ModelConfig& model) {
  Outcome first;
  test::run_ranks(num_ranks, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    const auto ranks = std::make_shared<const Ranks>(make_ranks(group, config.parallel));
    Trainer trainer(config, 0, model, test::random_weights(model), ranks);
    Outcome outcome = run_steps(trainer, model, *ranks, 0, kSteps);
    if (group->rank() == 0) first = std::move(outcome);
  });
  return first;
}

void expect_equal(const Outcome& actual, const Outcome& expected) {
  ASSERT_EQ(actual.steps.size(), expected.steps.size());
  for (size_t i = 0; i < expected.steps.size(); ++i) {
    const StepMetrics &a = actual.steps[i], &e = expected.steps[i];
    EXPECT_NEAR(a.loss, e.loss, 1e-6 * e.loss) << "step " << i + 1;
    EXPECT_EQ(a.loss_weight, e.loss_weight);
    EXPECT_EQ(a.num_tokens, e.num_tokens);
    for (size_t c = 0; c < e.grad_norms.size(); ++c)
      EXPECT_NEAR(a.grad_norms[c], e.grad_norms[c], 1e-4 * e.grad_norms[c]);
  }
  EXPECT_NEAR(actual.loss_after, expected.loss_after, 1e-6 * expected.loss_after);
  ASSERT_EQ(actual.weights.size(), expected.weights.size());
  EXPECT_LT(test::difference(actual.weights, expected.weights), 1e-4);
}

TEST(Ranks, ComputeWhatOneDoes) {
  const config::ModelConfig model = tiny_model();
  const Outcome expected = train_alone(config_with({}), model);
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
  const config::ModelConfig model = tiny_model();
  auto config = config_with({.sharding = Sharding::Full});
  config.stages[0].residual_dropout = 0.2;
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

TEST(Ranks, ComputeBlocksAgainToo) {
  const config::ModelConfig model = tiny_model();
  auto config = config_with({.sharding = Sharding::Full});
  const Outcome kept = train_together(2, config, model);
  config.recompute = Recompute::Blocks;
  const Outcome again = train_together(2, config, model);
  for (size_t i = 0; i < kept.steps.size(); ++i) EXPECT_EQ(again.steps[i].loss, kept.steps[i].loss);
  EXPECT_EQ(test::difference(again.weights, kept.weights), 0);
}

TEST(Ranks, TrainMixturesOfExperts) {
  config::ModelConfig model = tiny_model();
  model.decoder.num_experts = 4;
  model.decoder.num_active_experts = 2;
  const auto config = config_with({.sharding = Sharding::Full});
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

TEST(Ranks, SpreadWeightsThatAreNotTrainedToo) {
  const config::ModelConfig model = tiny_model();
  auto config = config_with({.sharding = Sharding::Full});
  config.stages[0].language.frozen = true;
  expect_equal(train_together(2, config, model), train_alone(config, model));
  config.stages[0].language.frozen = false;
  config.stages[0].lora = {.rank = 2, .alpha = 4, .targets = {"att_proj", "ff_out"}};
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

// Saved by one number of ranks, read by another.
TEST(Ranks, ContinueWhatOthersSaved) {
  const config::ModelConfig model = tiny_model();
  const Outcome expected = train_alone(config_with({}), model);
  const test::TemporaryFolder folder;
  struct Leg {
    int64_t num_ranks;
    config::ParallelConfig parallel;
    int64_t begin, end;
  };
  const std::vector<Leg> legs = {{2, {.sharding = Sharding::Full}, 0, 5},
                                 {4, {.sharding = Sharding::Hybrid, .replicas = 2}, 5, 9},
                                 {1, {}, 9, 12},
                                 {2, {.sharding = Sharding::None}, 12, 16},
                                 {4, {.sharding = Sharding::Full}, 16, 20}};
  for (const Leg& leg : legs) {
    SCOPED_TRACE(leg.begin);
    test::run_ranks(leg.num_ranks, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
      const auto config = config_with(leg.parallel);
      const auto ranks = std::make_shared<const Ranks>(make_ranks(group, config.parallel));
      const auto weights = leg.begin == 0 ? test::random_weights(model) : test::random_weights(model, at::kFloat, 99);
      Trainer trainer(config, 0, model, weights, ranks);
      checkpoint::TrainingStates states(
          folder.path(), {.rank = group->rank(), .num_ranks = group->num_ranks(), .all_agree = [&](bool is_fine) {
                            return group->all_agree(is_fine);
                          }});
      if (leg.begin > 0) trainer.read_state(*states.newest());
      const Outcome outcome = run_steps(trainer, model, *ranks, leg.begin, leg.end);
      for (size_t i = 0; i < outcome.steps.size(); ++i) {
        const double wanted = expected.steps[static_cast<size_t>(leg.begin) + i].loss;
        EXPECT_NEAR(outcome.steps[i].loss, wanted, 1e-6 * wanted) << "step " << leg.begin + static_cast<int64_t>(i) + 1;
      }
      states.save(leg.end, {}, trainer.share_of_state(), 1);
    });
  }
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
