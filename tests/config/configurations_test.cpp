// The configurations that ship: each is read, validated, and has the paper's hyperparameters.
#include <gtest/gtest.h>

#include "config/model.h"
#include "config/training.h"
#include "fixtures.h"

namespace molmo::config {
namespace {

namespace fs = std::filesystem;

fs::path configuration(const std::string& name) {
  return fs::path(MOLMO_SOURCE_DIR) / "configs" / (name + ".yaml");
}

TEST(Configurations, AllOfThemAreValid) {
  int num_files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(MOLMO_SOURCE_DIR) / "configs")) {
    SCOPED_TRACE(entry.path());
    EXPECT_FALSE(read_training_config(entry.path()).stages.empty());
    ++num_files;
  }
  EXPECT_GE(num_files, 9);
}

// Paper, tables 6 and 8.
struct Published {
  const char* preset;
  int64_t tuning_steps;
  double caption_language_rate, tuning_language_rate, tuning_vision_rate;
};

TEST(Configurations, HaveThePublishedHyperparameters) {
  for (const Published& row : {Published{"molmoe-1b", 30'000, 2e-5, 2e-5, 5e-6},
                               {"molmo-7b-o", 32'000, 2e-5, 1e-5, 5e-6},
                               {"molmo-7b-d", 30'000, 2e-5, 1e-5, 5e-6},
                               {"molmo-72b", 20'000, 1e-5, 5e-6, 3e-6}}) {
    SCOPED_TRACE(row.preset);
    const auto captions = read_training_config(configuration(std::string("pretrain-") + row.preset));
    EXPECT_EQ(captions.init.model, row.preset);
    const StageConfig& first = captions.stages.at(0);
    EXPECT_EQ(first.objective, Objective::Caption);
    EXPECT_EQ(first.steps, 22'300);
    EXPECT_EQ(first.global_batch, 128);
    EXPECT_EQ(first.connector.learning_rate, 2e-4);
    EXPECT_EQ(first.vision.learning_rate, 6e-6);
    EXPECT_EQ(first.language.learning_rate, row.caption_language_rate);
    EXPECT_EQ(first.connector.warmup_steps, 200);
    EXPECT_EQ(first.vision.warmup_steps, 2000);
    EXPECT_EQ(first.language.warmup_steps, 2000);
    EXPECT_EQ(first.residual_dropout_tokens, ResidualDropout::ResponseTokens);
    EXPECT_FALSE(first.root_subsegments);
    EXPECT_EQ(first.prompt.system_prompt, SystemPrompt::StyleAndLength);

    const auto tuning = read_training_config(configuration(std::string("sft-") + row.preset));
    EXPECT_EQ(tuning.init.model, captions.output + "/" + first.name);
    const StageConfig& second = tuning.stages.at(0);
    EXPECT_EQ(second.objective, Objective::Chat);
    EXPECT_EQ(second.steps, row.tuning_steps);
    EXPECT_EQ(second.global_batch, 256);
    EXPECT_EQ(second.connector.learning_rate, row.tuning_vision_rate);
    EXPECT_EQ(second.vision.learning_rate, row.tuning_vision_rate);
    EXPECT_EQ(second.language.learning_rate, row.tuning_language_rate);
    EXPECT_EQ(second.residual_dropout_tokens, ResidualDropout::AllTokens);
    EXPECT_TRUE(second.root_subsegments);
    EXPECT_EQ(second.prompt.system_prompt, SystemPrompt::DemoOrStyle);
    ASSERT_EQ(second.data.size(), 3u);
    EXPECT_EQ(second.data[0].rate, 0.15);
    EXPECT_EQ(second.data[1].rate, 0.50);
    EXPECT_EQ(second.data[2].rate, 0.35);

    for (const StageConfig* stage : {&first, &second}) {
      EXPECT_EQ(stage->sequence_length, 2304);
      EXPECT_EQ(stage->max_crops, 12);
      EXPECT_EQ(stage->z_loss, 1e-4);
      EXPECT_EQ(stage->final_learning_rate_fraction, 0.1);
      EXPECT_EQ(stage->residual_dropout, 0.1);
      for (const ComponentTraining* component : {&stage->vision, &stage->connector, &stage->language}) {
        EXPECT_EQ(component->beta1, 0.9);
        EXPECT_EQ(component->beta2, 0.95);
        EXPECT_EQ(component->eps, 1e-6);
        EXPECT_EQ(component->weight_decay, 0);
        EXPECT_EQ(component->max_grad_norm, 1);
      }
    }
  }
}

}  // namespace
}  // namespace molmo::config
