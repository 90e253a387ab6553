// Ranks that share each layer (threads that meet over Gloo) compute what one does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "ranks_training.h"
#include "train/plan.h"

namespace molmo::train {
namespace {

using config::Sharding;
using test::config_with;
using test::expect_equal;
using test::tiny_ranks_model;
using test::train_alone;
using test::train_together;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr config::ParallelConfig kTwo{.sharding = Sharding::Full, .replicas = 1, .tensor_parallel = 2};

// Three key/value heads, 21 neurons and 31 rows of the vocabulary: two ranks have unequal parts of everything.
config::ModelConfig uneven_model() {
  config::ModelConfig model = tiny_ranks_model();
  model.decoder.num_kv_heads = 3;
  model.decoder.num_heads = 6;
  model.decoder.mlp_width = 21;
  return model;
}

TEST(TensorParallel, ComputesWhatOneDoes) {
  const config::ModelConfig model = uneven_model();
  const test::Outcome expected = train_alone(config_with({}), model);
  expect_equal(train_together(2, config_with(kTwo), model), expected);
  config::ParallelConfig three = kTwo;
  three.tensor_parallel = 3;
  expect_equal(train_together(3, config_with(three), model), expected);
}

TEST(TensorParallel, WorksWithDataParallel) {
  const config::ModelConfig model = uneven_model();
  auto config = config_with(kTwo);
  config.stages[0].residual_dropout = 0.2;
  const test::Outcome expected = train_alone(config, model);
  for (const auto& [num_ranks, sharding] : {std::pair{4, Sharding::Full}, std::pair{4, Sharding::None}}) {
    SCOPED_TRACE(enum_name(sharding));
    config.parallel.sharding = sharding;
    expect_equal(train_together(num_ranks, config, model), expected);
  }
}

// One norm over all heads of q and of k, norms behind the sublayers, and the head that is the embedding.
TEST(TensorParallel, NormsAcrossRanksAndTiesTheHead) {
  config::ModelConfig model = uneven_model();
  model.decoder.has_qk_norm = model.decoder.has_norm_after = model.decoder.has_tied_head = true;
  expect_equal(train_together(2, config_with(kTwo), model), train_alone(config_with({}), model));
}

// Few tokens for an expert are small gradients, whose rounding AdamW turns into steps as large as any: with its own
// eps, losses of runs that round differently part by a tenth more each step.
TEST(TensorParallel, TrainsMixturesOfExperts) {
  config::ModelConfig model = uneven_model();
  model.decoder.num_experts = 4;
  model.decoder.num_active_experts = 2;
  const auto config = [](const config::ParallelConfig& parallel) {
    config::TrainingConfig gentle = config_with(parallel);
    auto& stage = gentle.stages[0];
    stage.vision.eps = stage.connector.eps = stage.language.eps = 1e-2;
    return gentle;
  };
  expect_equal(train_together(2, config(kTwo), model), train_alone(config({}), model));
}

TEST(TensorParallel, TrainsUpdatesOfLowRank) {
  const config::ModelConfig model = uneven_model();
  auto config = config_with(kTwo);
  config.stages[0].lora = {.rank = 2, .alpha = 4, .targets = {"att_proj", "attn_out", "ff_proj", "ff_out"}};
  const test::Outcome expected = train_alone(config, model);
  EXPECT_FALSE(expected.adapter.updates.empty());
  expect_equal(train_together(2, config, model), expected);
  expect_equal(train_together(4, config, model), expected);
}

TEST(TensorParallel, ClipsByTheNormOfAllParts) {
  const config::ModelConfig model = uneven_model();
  auto config = config_with(kTwo);
  config.recompute = config::Recompute::Blocks;
  for (auto* component : {&config.stages[0].vision, &config.stages[0].connector, &config.stages[0].language})
    component->max_grad_norm = 1e-3;
  config.stages[0].z_loss = 1e-2;
  expect_equal(train_together(2, config, model), train_alone(config, model));
}

// Saved by one number of ranks that share layers, read by another.
TEST(TensorParallel, ContinuesWhatOthersSaved) {
  const config::ModelConfig model = uneven_model();
  config::ParallelConfig three = kTwo;
  three.tensor_parallel = 3;
  test::expect_legs_continue(model, {{2, kTwo, 0, 5},
                                     {1, {}, 5, 8},
                                     {4, kTwo, 8, 12},
                                     {3, three, 12, 16},
                                     {2, {.sharding = Sharding::Full}, 16, 18},
                                     {2, kTwo, 18, 20}});
}

TEST(TensorParallel, HoldsPartsOnly) {
  const config::ModelConfig model = uneven_model();
  const config::TrainingConfig config = config_with(kTwo);
  test::run_ranks(2, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    const auto ranks = std::make_shared<const Ranks>(make_ranks(group, config.parallel));
    Trainer trainer(config, 0, model, test::random_weights(model), ranks);
    const bool is_last = group->rank() == 1;
    std::map<std::string, int64_t> counts;
    for (const checkpoint::StateTensor& tensor : trainer.state()) counts[tensor.name] = tensor.values.numel();
    EXPECT_EQ(counts.at("weights/transformer.wte.embedding"), (is_last ? 16 : 15) * 16);
    EXPECT_EQ(counts.at("adam_mean/transformer.blocks.1.att_proj.weight"), (is_last ? 8 : 4) * 4 * 16);
    EXPECT_EQ(counts.at("adam_square/transformer.blocks.2.ff_out.weight"), 16 * (is_last ? 11 : 10));
    EXPECT_EQ(counts.at("weights/transformer.ln_f.weight"), 16);
  });
}

TEST(TensorParallel, IsPlanned) {
  auto config = config_with({});
  const StagePlan alone = plan_stage(config, 0, uneven_model(), 1);
  config.parallel.tensor_parallel = 2;
  const StagePlan two = plan_stage(config, 0, uneven_model(), 2);
  EXPECT_EQ(two.trained_parameters, alone.trained_parameters);
  // What the last rank has, which has the larger part of everything that is divided.
  int64_t num_divided = 0, num_parts = 0;
  for (const model::ParameterSpec& parameter : model::parameter_table(uneven_model())) {
    if (parameter.split.num_units == 0) continue;
    num_divided += parameter.count();
    num_parts += parameter.count() / parameter.split.num_units * ((parameter.split.num_units + 1) / 2);
  }
  EXPECT_EQ(alone.gradients - two.gradients, static_cast<uint64_t>(4 * (num_divided - num_parts)));
  EXPECT_EQ(alone.optimizer - two.optimizer, static_cast<uint64_t>(8 * (num_divided - num_parts)));
  EXPECT_LT(two.activations, alone.activations);
}

TEST(TensorParallel, NeedsAPartForEachRank) {
  const config::ModelConfig model = test::tiny_config();
  config::ParallelConfig parallel = kTwo;
  parallel.tensor_parallel = 3;
  test::run_ranks(3, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    const auto config = config_with(parallel);
    const auto ranks = std::make_shared<const Ranks>(make_ranks(group, parallel));
    EXPECT_THAT([&] { Trainer(config, 0, model, test::random_weights(model), ranks); },
                ThrowsMessage<Error>(HasSubstr("parallel.tensor_parallel is 3, expected at most 2: the model has 2 "
                                               "key/value heads")));
  });
}

}  // namespace
}  // namespace molmo::train
