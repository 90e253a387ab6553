// Whole runs of a toy model: however a run is interrupted, it ends with the same bytes.
#include "train/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ops/equal.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/line_log.h"
#include "base/log.h"
#include "base/system_calls.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "data/dataset.h"
#include "fixtures.h"
#include "train/folder_lock.h"
#include "train/toy_run.h"

namespace molmo::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;

// What must not depend on interruptions: the last checkpoint's tensors and the logs.
std::map<std::string, std::string> lasting(const fs::path& run) {
  std::map<std::string, std::string> files;
  const std::string newest = read_file(run / "checkpoints" / "latest");
  const fs::path state = run / "checkpoints" / newest.substr(0, newest.find('\n'));
  for (const auto& entry : fs::directory_iterator(state)) {
    if (entry.path().extension() == ".safetensors") files[entry.path().filename()] = read_file(entry.path());
  }
  for (const char* name : {kMetricsName, kBadSamplesName}) files[name] = read_file(run / name);
  return files;
}

// Stops after a number of steps.
RunOptions stopping_after(int64_t num_steps) {
  auto left = std::make_shared<int64_t>(num_steps);
  return {.is_stop_requested = [left] { return --*left <= 0; }};
}

std::vector<Json> lines_of(const fs::path& path) {
  std::vector<Json> lines;
  read_lines(path, [&](const Json& line) { lines.push_back(line); });
  return lines;
}

class Runs : public testing::Test {
 protected:
  Runs() {
    test::write_toy_run(folder_.path());
    config_ = test::toy_config(folder_.path());
  }
  fs::path run() const { return config_.output; }

  test::TemporaryFolder folder_;
  config::TrainingConfig config_;
};

TEST_F(Runs, GoOnAsIfTheyHadNeverStopped) {
  config_.output = folder_.path() / "unbroken";
  config_.evaluate_every = 5;
  config_.export_every = 6;
  config_.stages[0].validation = config_.stages[0].data;
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  const auto expected = lasting(run());

  config_.output = folder_.path() / "stopped";
  // Between checkpoints, at one, at an evaluation, and several times.
  EXPECT_EQ(run_training(config_, stopping_after(3)), RunEnd::Stopped);
  EXPECT_EQ(run_training(config_, stopping_after(1)), RunEnd::Stopped);
  EXPECT_EQ(run_training(config_, stopping_after(1)), RunEnd::Stopped);  // step 5, whose evaluation is left for later
  EXPECT_EQ(run_training(config_, stopping_after(6)), RunEnd::Stopped);
  EXPECT_EQ(run_training(config_), RunEnd::Finished);
  EXPECT_EQ(lasting(run()), expected);
  EXPECT_EQ(run_training(config_), RunEnd::Finished);  // nothing is left to do
  EXPECT_EQ(lasting(run()), expected);
  EXPECT_TRUE(fs::exists(run() / "report.html"));
}

TEST_F(Runs, WhatWasDoneAfterTheLastCheckpointIsDoneAgain) {
  config_.output = folder_.path() / "unbroken";
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  const auto expected = lasting(run());

  // As after a kill at step 11: the state of step 8 is the newest, and the log is longer than it says.
  config_.output = folder_.path() / "killed";
  config_.stages[0].steps = 12;
  fs::copy(folder_.path() / "unbroken", run(), fs::copy_options::recursive);
  fs::remove_all(run() / "checkpoints" / "step-00000012");
  fs::remove_all(run() / "tuning");
  fs::create_directories(run() / "tuning.tmp.1.1");
  std::ofstream(run() / kMetricsName, std::ios::app) << "{\"step\": 13, ";
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  EXPECT_EQ(lasting(run()), expected);
  EXPECT_FALSE(fs::exists(run() / "tuning.tmp.1.1"));
  EXPECT_TRUE(fs::exists(run() / "tuning" / "config.json"));
}

TEST_F(Runs, NumberOfWorkersChangesNothing) {
  config_.output = folder_.path() / "alone";
  config_.num_workers = 0;
  run_training(config_);
  const auto expected = lasting(run());
  config_.output = folder_.path() / "many";
  config_.num_workers = 3;
  run_training(config_);
  EXPECT_EQ(lasting(run()), expected);
}

TEST_F(Runs, StagesBeginWithTheWeightsOfTheOneBefore) {
  config::StageConfig text = config_.stages[0];
  text.name = "text";
  text.objective = config::Objective::Text;
  text.steps = 2;
  std::ofstream(folder_.path() / "texts.jsonl") << R"({"id": "a", "text": "one two"})"
                                                << "\n"
                                                << R"({"id": "b", "text": "three"})"
                                                << "\n";
  text.data[0].sources[0].path = folder_.path() / "texts.jsonl";
  config::StageConfig frozen = config_.stages[0];
  frozen.name = "pictures";
  frozen.steps = 2;
  frozen.language.frozen = true;
  config_.stages = {text, frozen};
  config_.export_dtype = DType::BF16;
  ASSERT_EQ(run_training(config_), RunEnd::Finished);

  const auto begin = checkpoint::Checkpoint::open(folder_.path() / "model").load_weights();
  const auto first = checkpoint::Checkpoint::open(run() / "text").load_weights();
  const auto second = checkpoint::Checkpoint::open(run() / "pictures").load_weights({.dtype = DType::F32});
  const std::string decoder = "transformer.blocks.0.att_proj.weight",
                    tower = "vision_backbone.image_vit.patch_embedding.weight";
  EXPECT_FALSE(at::equal(first.at(decoder), begin.at(decoder)));
  EXPECT_TRUE(at::equal(first.at(tower), begin.at(tower)));  // plain text does not reach it
  EXPECT_TRUE(at::equal(second.at(decoder), first.at(decoder).to(at::kBFloat16).to(at::kFloat)));
  EXPECT_FALSE(at::equal(second.at(tower), first.at(tower).to(at::kBFloat16).to(at::kFloat)));
  const auto lines = lines_of(run() / kMetricsName);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[2]["step"], 3);
  EXPECT_EQ(lines[2]["stage"], "pictures");
  EXPECT_EQ(lines[2]["stage_step"], 1);
}

TEST_F(Runs, PicturesAreCutFromAStageOn) {
  test::write_toy_data(folder_.path(), 16, 80);  // the tower sees 28
  config_.stages.push_back(config_.stages[0]);
  config_.stages[0].name = "whole";
  config_.stages[1].name = "cut";
  for (config::StageConfig& stage : config_.stages) stage.steps = 1;
  config_.stages[1].crop_mode = config::CropMode::OverlapAndResize;
  config_.stages[1].max_crops = 4;
  config_.stages.push_back(config_.stages[1]);
  config_.stages[2].name = "still-cut";
  config_.stages[2].crop_mode = {};
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  std::vector<int64_t> crops;
  for (const Json& line : lines_of(run() / kMetricsName)) crops.push_back(line["crops"]);
  EXPECT_EQ(crops, (std::vector<int64_t>{4, 20, 20}));  // of four pictures: the whole, then also its quarters
  EXPECT_EQ(checkpoint::Checkpoint::open(run() / "whole").config().image_input.crop_mode, config::CropMode::Resize);
  EXPECT_EQ(checkpoint::Checkpoint::open(run() / "still-cut").config().image_input.crop_mode,
            config::CropMode::OverlapAndResize);
}

TEST_F(Runs, TowersLearnFromLabelMaps) {
  std::ofstream lines(folder_.path() / "labels.jsonl");
  for (int i = 0; i < 4; ++i) {
    image::Image map{{28, 28}, std::vector<uint8_t>(28 * 28 * 3, static_cast<uint8_t>(i % 2))};
    image::write_png(map, folder_.path() / fmt::format("labels-{}.png", i));
    lines << fmt::format(R"({{"id": "{0}", "image": "pictures/{0}.png", "label_map": "labels-{0}.png"}})", i) << "\n";
  }
  lines.close();
  config::StageConfig& stage = config_.stages[0];
  stage.objective = config::Objective::PatchLabels;
  stage.patch_classes = {2};
  stage.steps = 60;
  stage.data[0].sources[0].path = folder_.path() / "labels.jsonl";
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  const auto steps = lines_of(run() / kMetricsName);
  EXPECT_LT(steps.back()["cross_entropy"].get<double>(), 0.1 * steps.front()["cross_entropy"].get<double>());
  EXPECT_GE(steps.back()["accuracy"].get<double>(), 0.98);
  EXPECT_TRUE(fs::exists(run() / "tuning" / "patch_head.safetensors"));
}

TEST_F(Runs, AdaptersLeaveTheWeightsAlone) {
  config_.stages[0].lora = {.rank = 4, .alpha = 8, .targets = {"att_proj", "ff_out"}};
  config::StageConfig after = config_.stages[0];
  after.name = "after";
  after.lora = {};
  after.steps = 1;
  after.language.learning_rate = after.vision.learning_rate = after.connector.learning_rate = 0;
  config_.stages.push_back(after);
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  EXPECT_TRUE(fs::exists(run() / "tuning" / "adapter_model.safetensors"));
  EXPECT_FALSE(fs::exists(run() / "tuning" / "model.safetensors"));
  // The next stage begins with the adapter merged into the weights.
  const auto begin = checkpoint::Checkpoint::open(folder_.path() / "model").load_weights();
  const auto merged = checkpoint::Checkpoint::open(run() / "after").load_weights();
  EXPECT_FALSE(
      at::equal(merged.at("transformer.blocks.0.att_proj.weight"), begin.at("transformer.blocks.0.att_proj.weight")));
  EXPECT_TRUE(
      at::equal(merged.at("transformer.blocks.0.ff_proj.weight"), begin.at("transformer.blocks.0.ff_proj.weight")));
}

TEST_F(Runs, BadSamplesAreWrittenDownAndReplaced) {
  std::ofstream(folder_.path() / "data.jsonl", std::ios::app)
      << R"({"id": "gone", "image": "pictures/gone.png", "annotations": [{"style": "user_qa", "question": "q", "answer": "a"}]})"
      << "\n"
      << "no json\n";
  ASSERT_EQ(run_training(config_), RunEnd::Finished);
  std::map<std::string, int> by_id;
  for (const Json& line : lines_of(run() / kBadSamplesName)) ++by_id[line["id"].get<std::string>()];
  EXPECT_GE(by_id["gone"], 2);  // 48 samples of 18 examples
  EXPECT_GE(by_id[""], 2);
  int64_t num_counted = 0;
  for (const Json& line : lines_of(run() / kMetricsName)) num_counted += line.value("bad_samples", 0);
  EXPECT_EQ(num_counted, by_id["gone"] + by_id[""]);
}

TEST_F(Runs, TooManySkippedStepsEndTheRun) {
  for (auto* component : {&config_.stages[0].vision, &config_.stages[0].connector, &config_.stages[0].language}) {
    component->learning_rate = 1e30;
    component->warmup_steps = 0;
  }
  config_.max_skipped_steps = 3;
  EXPECT_THAT([&] { run_training(config_); },
              ThrowsMessage<Error>(HasSubstr("the loss or a gradient was not finite in 3 steps in a row")));
}

TEST_F(Runs, ASaveThatFailsCostsNoMoreThanTheStepsUntilTheNext) {
  run_training(config_);
  const auto expected = lasting(run());
  config_.output = folder_.path() / "faulty";
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel level, std::string_view message) {
    if (level == LogLevel::Warn) warnings.emplace_back(message);
  });
  // The disk is full while step 4 is saved.
  int64_t num_renamed = 0;
  set_system_call_fault([&](SystemCall call) {
    const bool is_save = fs::exists(run() / "checkpoints" / "step-00000004.tmp");
    if (is_save && call == SystemCall::Write) return ENOSPC;
    num_renamed += call == SystemCall::Rename;
    return 0;
  });
  EXPECT_EQ(run_training(config_), RunEnd::Finished);
  set_system_call_fault({});
  set_log_sink({});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("step 4 could not be saved"));
  EXPECT_EQ(lasting(run()), expected);
  for (const auto& entry : fs::recursive_directory_iterator(run()))
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
}

TEST_F(Runs, AnotherConfigurationIsToldApart) {
  ASSERT_EQ(run_training(config_, stopping_after(3)), RunEnd::Stopped);
  std::vector<std::string> messages;
  set_log_sink([&](LogLevel, std::string_view message) { messages.emplace_back(message); });
  config_.stages[0].language.learning_rate = 1e-4;
  config_.save_every = 100;  // changes no weights
  EXPECT_EQ(run_training(config_, stopping_after(1)), RunEnd::Stopped);
  set_log_sink({});
  EXPECT_THAT(messages,
              testing::Contains("the configuration was changed: stages.0.language.learning_rate was 0.002, is 0.0001"));
  EXPECT_THAT(messages, testing::Not(testing::Contains(HasSubstr("save_every"))));
  config_.stages[0].name = "other";
  EXPECT_THAT([&] { run_training(config_); }, ThrowsMessage<Error>(HasSubstr("which the configuration does not have")));
}

TEST_F(Runs, TwoDoNotShareAFolder) {
  fs::create_directories(run());
  const FolderLock lock(run());
  EXPECT_THAT([&] { run_training(config_); }, ThrowsMessage<Error>(HasSubstr("another process is training there")));
}

TEST_F(Runs, EvaluationsAreGivenTheModelOfTheMoment) {
  config_.stages[0].validation = config_.stages[0].data;
  config_.evaluate_every = 6;
  std::vector<int64_t> steps;
  RunOptions options;
  options.evaluate = [&](const EvaluationModel& model) {
    steps.push_back(model.place.step);
    EXPECT_TRUE(fs::exists(model.tokenizer / "tokenizer.json"));
    const model::Molmo molmo(model.config, model.weights, model.adapter);
    return std::map<std::string, double>{{"toy/score", 0.5}};
  };
  run_training(config_, options);
  EXPECT_EQ(steps, (std::vector<int64_t>{6, 12}));
  int num_validations = 0, num_evaluations = 0;
  for (const Json& line : lines_of(run() / kMetricsName)) {
    if (line.contains("evaluation")) ++num_evaluations;
    if (!line.contains("validation")) continue;
    ++num_validations;
    EXPECT_EQ(line["validation"]["jsonl"]["examples"], 16);
    EXPECT_TRUE(line["validation"]["jsonl"].contains("shuffled_cross_entropy"));
  }
  EXPECT_EQ(num_validations, 2);
  EXPECT_EQ(num_evaluations, 2);
}

}  // namespace
}  // namespace molmo::train
