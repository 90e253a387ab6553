// The plan's figures against arithmetic by hand, and its advice.
#include "train/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/model.h"
#include "fixtures.h"
#include "model/parameter_table.h"
#include "train/toy_run.h"

namespace molmo::train {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

config::TrainingConfig seven_billion() {
  config::TrainingConfig config;
  config.output = "out";
  config.init.model = "molmo-7b-d";
  config::DataSource source;
  source.name = "jsonl";
  config.stages.resize(1);
  config.stages[0].name = "tuning";
  config.stages[0].data = {{1, {source}}};
  config.stages[0].micro_batch = 4;
  return config;
}

// docs/checkpoints.md and tests/config/presets_test.cpp.
constexpr uint64_t kParameters = 8'021'025'280;

TEST(Plan, CountsWeightsGradientsAndMoments) {
  const config::TrainingConfig config = seven_billion();
  const StagePlan plan = plan_stage(config, 0, config::preset("molmo-7b-d"), 1);
  EXPECT_EQ(plan.weights, 4 * kParameters);
  // The last block of the tower comes behind the last one that is read.
  const uint64_t trained = static_cast<uint64_t>(plan.trained_parameters);
  EXPECT_EQ(plan.gradients, 4 * trained);
  EXPECT_EQ(plan.optimizer, 8 * trained);
  EXPECT_GT(plan.activations, 0u);
  const StagePlan shared = plan_stage(config, 0, config::preset("molmo-7b-d"), 8);
  // Besides its part of everything, each rank has whole what is in no block, and the blocks that are computed now and
  // next.
  const std::string last_of_tower = fmt::format("resblocks.{}.", config::preset("molmo-7b-d").vision.num_layers - 1);
  uint64_t outside = 0, outside_trained = 0, block = 0;
  for (const auto& parameter : model::parameter_table(config::preset("molmo-7b-d"))) {
    const auto count = static_cast<uint64_t>(parameter.count());
    const bool is_trained = parameter.name.find(last_of_tower) == std::string::npos;
    if (parameter.name.starts_with("transformer.blocks.0.")) block += count;
    if (parameter.name.starts_with("transformer.blocks.")) continue;
    outside += count;
    if (is_trained) outside_trained += count;
  }
  EXPECT_EQ(shared.weights, trained / 2 + 4 * (outside + 2 * block));
  EXPECT_EQ(shared.gradients, trained / 2 + 4 * (outside_trained + block));
  EXPECT_EQ(shared.optimizer, trained);
  EXPECT_EQ(shared.activations, plan.activations);

  config::TrainingConfig hybrid = config;
  hybrid.parallel = {.sharding = config::Sharding::Hybrid, .replicas = 2};
  EXPECT_EQ(plan_stage(hybrid, 0, config::preset("molmo-7b-d"), 16).weights, shared.weights);
  hybrid.parallel = {.sharding = config::Sharding::None};
  EXPECT_EQ(plan_stage(hybrid, 0, config::preset("molmo-7b-d"), 16).weights, plan.weights);
}

TEST(Plan, LowRankUpdatesAreAllThatIsTrained) {
  config::TrainingConfig config = seven_billion();
  config.stages[0].lora = {.rank = 16, .alpha = 16, .targets = {"att_proj", "attn_out", "ff_proj", "ff_out"}};
  config.stages[0].vision.frozen = config.stages[0].connector.frozen = true;
  const StagePlan plan = plan_stage(config, 0, config::preset("molmo-7b-d"), 1);
  // In and out of each layer: q, k and v; the attention's output; gate and up; down; and of the head.
  const int64_t block = (3584 + 4608) + (3584 + 3584) + (3584 + 2 * 18944) + (18944 + 3584);
  EXPECT_EQ(plan.trained_parameters, 16 * (28 * block + (3584 + 152064)));
  EXPECT_EQ(plan.weights, 4 * (kParameters + static_cast<uint64_t>(plan.trained_parameters)));
  StoredTypes stored;
  for (const auto& parameter : model::parameter_table(config::preset("molmo-7b-d")))
    stored[parameter.name] = DType::BF16;
  EXPECT_EQ(plan_stage(config, 0, config::preset("molmo-7b-d"), 1, stored).weights,
            2 * kParameters + 4 * static_cast<uint64_t>(plan.trained_parameters));
}

TEST(Plan, EverySettingThatSavesMemoryDoes) {
  const config::TrainingConfig config = seven_billion();
  const auto model = config::preset("molmo-7b-d");
  const auto activations = [&](const auto& change) {
    config::TrainingConfig changed = config;
    change(changed);
    return plan_stage(changed, 0, model, 1).activations;
  };
  const uint64_t whole = activations([](auto&) {});
  EXPECT_LT(activations([](auto& c) { c.recompute = config::Recompute::Blocks; }), whole / 4);
  EXPECT_LT(activations([](auto& c) { c.stages[0].micro_batch = 1; }), whole / 3);
  EXPECT_LT(activations([](auto& c) { c.stages[0].max_crops = 4; }), whole);
  EXPECT_LT(activations([](auto& c) { c.stages[0].vision.frozen = true; }), whole);
  EXPECT_LT(activations([](auto& c) { c.stages[0].objective = config::Objective::Text; }), whole);
}

TEST(Plan, IsNearWhatTheSmallModelsFineTuningTook) {
  config::TrainingConfig config = seven_billion();
  config.init.model = "nano";
  config.compute_dtype = DType::BF16;
  config.stages[0].global_batch = config.stages[0].micro_batch = 32;
  config.stages[0].sequence_length = 768;
  constexpr double kMebibyte = 1 << 20;
  const StagePlan plan = plan_stage(config, 0, config::preset("nano"), 1);
  // Largest resident size over steps of the stage "mixture" of configs/nano-sft.yaml; of its live buffers 2,290 MiB.
  EXPECT_NEAR(static_cast<double>(plan.total()) / kMebibyte, 2995, 0.15 * 2995);
  config.compute_dtype = DType::F32;
  EXPECT_GT(plan_stage(config, 0, config::preset("nano"), 1).activations, plan.activations * 3 / 2);
}

TEST(Plan, KnowsTheTypesOfACheckpoint) {
  const test::TemporaryFolder folder;
  test::write_toy_run(folder.path());
  const Plan plan = plan_training(test::toy_config(folder.path()));
  ASSERT_EQ(plan.stages.size(), 1u);
  EXPECT_EQ(plan.stages[0].weights, 4 * static_cast<uint64_t>(model::count_parameters(test::toy_model()).total));
}

TEST(Plan, RefusesWhatCannotFitWithTheSettingThatWould) {
  config::TrainingConfig config = seven_billion();
  constexpr uint64_t kGibibyte = uint64_t{1} << 30;
  const auto problem = [&](uint64_t gibibytes, int64_t num_ranks) {
    const Plan plan = plan_training(config, {.num_ranks = num_ranks, .memory_bytes = gibibytes * kGibibyte});
    EXPECT_THAT([&] { require_fit(plan); }, ThrowsMessage<Error>(HasSubstr(plan.problem.value_or("it fits"))));
    return plan.problem.value_or("");
  };
  EXPECT_THAT(problem(180, 1), HasSubstr("It would with recompute=blocks."));
  EXPECT_THAT(problem(80, 1), HasSubstr("lora.rank=16"));
  config.stages[0].lora.rank = 16;
  EXPECT_THAT(problem(20, 1), HasSubstr("stages.0.micro_batch=1 and "));
  config.stages[0].micro_batch = 1;
  config.recompute = config::Recompute::Blocks;
  // 39.3 GiB for one, 26.5 for each of two, 19.2 of four, 15.6 of eight; 19 in 20 of the memory can be used.
  EXPECT_THAT(problem(20, 1), HasSubstr("It would with 8 processes."));
  EXPECT_THAT(problem(21, 1), HasSubstr("It would with 4 processes."));
  EXPECT_THAT(problem(1, 1), HasSubstr("No setting makes it fit"));
  const Plan fits = plan_training(config, {.num_ranks = 1, .memory_bytes = 4096 * kGibibyte});
  EXPECT_FALSE(fits.problem);
  require_fit(fits);
}

}  // namespace
}  // namespace molmo::train
