// Configurations of training: reading, overriding, refusing.
#include "config/training.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "fixtures.h"

namespace molmo::config {
namespace {

TrainingConfig small_config() {
  TrainingConfig config;
  config.output = "out";
  config.init.model = "molmo-7b-d";
  config.stages.resize(2);
  config.stages[0].name = "captions";
  config.stages[1].name = "tuning";
  DataSource source;
  source.name = "jsonl";
  source.path = "data.jsonl";
  for (StageConfig& stage : config.stages) stage.data = {{1, {source}}};
  return config;
}

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(TrainingConfig, ReadsBackWhatItWrites) {
  TrainingConfig config = small_config();
  config.validate();
  config.stages[1].language.warmup_start.reset();
  config.stages[1].data[0].sources[0].size = 50'000;
  config.stages[0].lora = {.rank = 8, .alpha = 32, .targets = {"att_proj"}};
  test::TemporaryFolder folder;
  std::ofstream(folder.path() / "run.yaml") << write_training_config(config);
  const TrainingConfig read = read_training_config(folder.path() / "run.yaml");
  EXPECT_EQ(write_training_config(read), write_training_config(config));
  EXPECT_FALSE(read.stages[1].language.warmup_start);
  EXPECT_EQ(read.stages[1].data[0].sources[0].size, 50'000);
  EXPECT_EQ(read.stages[0].lora.targets, std::vector<std::string>{"att_proj"});
}

TEST(TrainingConfig, OverridesSettingsInsideOfLists) {
  TrainingConfig config = small_config();
  override_setting(config, "stages.1.steps=10");
  override_setting(config, "stages.0.vision.learning_rate=1e-4");
  override_setting(config, "stages.1.data.0.sources.0.path=other.jsonl");
  override_setting(config, "stages.0.lora.targets=[att_proj, ff_out]");
  override_setting(config, "stages.0.max_crops=null");
  override_setting(config, "recompute=blocks");
  EXPECT_EQ(config.stages[0].steps, 1000);
  EXPECT_EQ(config.stages[1].steps, 10);
  EXPECT_EQ(config.stages[0].vision.learning_rate, 1e-4);
  EXPECT_EQ(config.stages[1].data[0].sources[0].path, "other.jsonl");
  EXPECT_EQ(config.stages[0].lora.targets.size(), 2u);
  EXPECT_EQ(config.recompute, Recompute::Blocks);
}

TEST(TrainingConfig, NamesWhatAnOverrideDoesNotFind) {
  TrainingConfig config = small_config();
  const auto message = [&](const std::string& assignment) {
    return error_of([&] { override_setting(config, assignment); });
  };
  EXPECT_EQ(message("stages.0.setps=3"), "'stages.0.setps=3': unknown key 'setps'. Did you mean 'steps'?");
  EXPECT_EQ(message("stages.2.steps=3"),
            "'stages.2.steps=3': '2' chooses from a list of 2, expected a number from 0 to 1");
  EXPECT_EQ(message("stages.first.steps=3"),
            "'stages.first.steps=3': 'first' chooses from a list of 2, expected a number from 0 to 1");
  EXPECT_EQ(message("output.folder=x"),
            "'output.folder=x': the setting before 'folder' is a single value and has no parts");
  EXPECT_EQ(message("steps"), "'steps': expected key=value, for example stages.0.steps=1000");
  EXPECT_NE(message("stages.0.steps=many").find("stages[0].steps: expected a whole number, found \"many\""),
            std::string::npos);
}

TEST(TrainingConfig, RefusesValuesThatMakeNoSense) {
  const auto message = [](const std::vector<std::string>& assignments) {
    TrainingConfig config = small_config();
    for (const std::string& assignment : assignments) override_setting(config, assignment);
    return error_of([&] { config.validate(); });
  };
  EXPECT_EQ(message({}), "no error");
  EXPECT_EQ(message({"stages.1.steps=0"}), "stages[1].steps is 0, expected 1 or more");
  EXPECT_EQ(message({"stages.1.vision.beta1=1.0"}), "stages[1].vision.beta1 is 1, expected 0 or more and less than 1");
  EXPECT_EQ(message({"stages.0.micro_batch=8", "stages.0.global_batch=4"}),
            "stages[0].micro_batch is 8, expected at most global_batch, 4");
  EXPECT_EQ(message({"stages.0.language.warmup_start=1e-5"}),
            "stages[0].language.warmup_start is 1e-05, expected 0 or more and less than learning_rate, 1e-05");
  EXPECT_EQ(message({"stages.0.data.0.rate=0"}), "stages[0].data[0].rate is 0, expected more than 0");
  EXPECT_EQ(message({"stages.0.data=[]"}), "stages[0].data is empty, expected at least one group of data sets");
  EXPECT_EQ(message({"stages.1.name=captions"}),
            "stages[1].name is 'captions', expected a name that no stage before has");
  EXPECT_EQ(message({"stages.1.name=../evil"}),
            "stages[1].name is '../evil', expected up to 64 letters, digits and -_. (it names files)");
  EXPECT_EQ(message({"stages.0.objective=patch_labels"}),
            "stages[0].patch_classes is [], expected one to three numbers with the objective patch_labels");
  EXPECT_EQ(message({"stages.0.crop_mode=resize"}), "no error");
  EXPECT_EQ(
      message({"stages.0.crop_mode=resize", "stages.0.lora.rank=4"}),
      "stages[0].crop_mode is set beside lora, expected null, because an adapter does not say how pictures are cut");
  EXPECT_EQ(message({"stages.0.one_crop_share=1.5"}),
            "stages[0].one_crop_share is 1.5, expected 0 or more and less than 1");
  EXPECT_EQ(message({"stages.0.objective=text", "stages.0.one_crop_share=0.5"}),
            "stages[0].one_crop_share is 0.5, expected 0 with the objective text, which sees no pictures");
  EXPECT_EQ(message({"parallel.replicas=2"}), "parallel.replicas is 2, expected 1 unless sharding is hybrid");
  EXPECT_EQ(message({"compute_dtype=f16"}), "compute_dtype is f16, expected f32 or bf16");
  EXPECT_EQ(message({"output=\"\""}), "output is empty, expected the folder of checkpoints, metrics and report");
}

TEST(TrainingConfig, NamesFileAndKeyOfAMisspeltSetting) {
  test::TemporaryFolder folder;
  const std::string path = (folder.path() / "run.yaml").string();
  std::ofstream(path) << "output: out\ninit: {model: molmo-7b-d}\nstages:\n  - {name: a, lerning_rate: 1}\n";
  EXPECT_NE(error_of([&] { read_training_config(path); }).find(path + ".stages[0]: unknown key 'lerning_rate'"),
            std::string::npos);
}

}  // namespace
}  // namespace molmo::config
