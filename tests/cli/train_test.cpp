// molmo train as its users run it: killed, stopped, asked for a plan; and what was learnt comes back through molmo run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"
#include "train/toy_run.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::Child;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

class TrainVerb : public testing::Test {
 protected:
  TrainVerb() {
    test::write_toy_run(folder_.path(), 8);
    config_ = test::toy_config(folder_.path());
  }

  std::string write_config() const {
    const fs::path path = folder_.path() / "run.yaml";
    std::ofstream(path) << config::write_training_config(config_);
    return path;
  }
  std::string output(const char* name) const { return "output=" + (folder_.path() / name).string(); }

  // Of the last checkpoint and the loss log.
  std::map<std::string, std::string> lasting(const char* name) const {
    const fs::path run = folder_.path() / name;
    const std::string newest = read_file(run / "checkpoints" / "latest");
    const fs::path state = run / "checkpoints" / newest.substr(0, newest.find('\n')) / "state-00000-of-00001.safetensors";
    return {{"state", read_file(state)},
            {"metrics", read_file(run / "metrics.jsonl")},
            {"model", read_file(run / "tuning" / "model.safetensors")}};
  }

  test::TemporaryFolder folder_;
  config::TrainingConfig config_;
};

TEST_F(TrainVerb, EndsWithTheSameBytesHoweverOftenItIsKilled) {
  config_.stages[0].steps = 24;
  config_.save_every = 2;
  const std::string config = write_config();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run_molmo({"train", config, output("unbroken"), "-t", "1"}).status, kExitDone);
  const auto whole = std::chrono::steady_clock::now() - begin;
  const auto expected = lasting("unbroken");

  RandomStream draws(11, "kills");
  for (int i = 0; i < 5; ++i) {
    Child child({"train", config, output("killed"), "-t", "1"});
    std::this_thread::sleep_for(whole * draws.uniform());
    child.kill(SIGKILL);
    child.finish();
  }
  ASSERT_EQ(run_molmo({"train", config, output("killed"), "-t", "1"}).status, kExitDone);
  EXPECT_EQ(lasting("killed"), expected);
}

TEST_F(TrainVerb, SavesAndEndsWhenItIsAskedTo) {
  config_.stages[0].steps = 100000;
  config_.save_every = 100000;
  const std::string config = write_config();
  for (const auto& [signal, status] : {std::pair{SIGTERM, 143}, {SIGINT, 130}}) {
    Child child({"train", config, "-t", "1"});
    while (!fs::exists(folder_.path() / "run/metrics.jsonl") || fs::file_size(folder_.path() / "run/metrics.jsonl") == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    child.kill(signal);
    const Result result = child.finish();
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_THAT(result.err, HasSubstr("the same command goes on from there"));
    const int64_t step = std::stoll(read_file(folder_.path() / "run/checkpoints/latest").substr(5));
    std::istringstream lines(read_file(folder_.path() / "run/metrics.jsonl"));
    int64_t num_lines = 0;
    for (std::string line; std::getline(lines, line);) ++num_lines;
    EXPECT_EQ(num_lines, step);
  }
}

TEST_F(TrainVerb, WhatWasLearntComesBack) {
  config_.stages[0].steps = 300;
  config_.stages[0].global_batch = 8;
  config_.stages[0].micro_batch = 8;
  config_.stages[0].residual_dropout = 0;
  config_.save_every = 1000;
  ASSERT_EQ(run_molmo({"train", write_config(), "-t", "1"}).status, kExitDone);
  for (int i = 0; i < 8; ++i) {
    const Result result = run_molmo({"run", "-m", folder_.path() / "run/tuning", "--image",
                                     folder_.path() / fmt::format("pictures/{}.png", i), "-p", "What is this?", "-n",
                                     "8", "--json", "-t", "1"});
    ASSERT_EQ(result.status, kExitDone) << result.err;
    EXPECT_EQ(parse_json(result.out, "molmo run")["text"], " " + test::toy_answer(i));
  }
}

TEST_F(TrainVerb, AdaptersAnswerToo) {
  config_.stages[0].steps = 300;
  config_.stages[0].global_batch = 8;
  config_.stages[0].micro_batch = 8;
  config_.stages[0].residual_dropout = 0;
  config_.stages[0].lora = {.rank = 16, .alpha = 32, .targets = {"att_proj", "attn_out", "ff_proj", "ff_out", "w1", "w2", "w3", "wq", "wk", "wv", "wo", "patch_embedding"}};
  for (auto* component : {&config_.stages[0].vision, &config_.stages[0].connector, &config_.stages[0].language})
    component->learning_rate = 5e-3;
  config_.save_every = 1000;
  const std::string before = read_file(folder_.path() / "model/model.safetensors");
  ASSERT_EQ(run_molmo({"train", write_config(), "-t", "1"}).status, kExitDone);
  EXPECT_EQ(read_file(folder_.path() / "model/model.safetensors"), before);
  for (int i = 0; i < 8; ++i) {
    const Result result = run_molmo({"run", "-m", folder_.path() / "model", "--lora", folder_.path() / "run/tuning",
                                     "--image", folder_.path() / fmt::format("pictures/{}.png", i), "-p",
                                     "What is this?", "-n", "8", "--json", "-t", "1"});
    ASSERT_EQ(result.status, kExitDone) << result.err;
    EXPECT_EQ(parse_json(result.out, "molmo run")["text"], " " + test::toy_answer(i));
  }
}

TEST_F(TrainVerb, PlansWithoutTraining) {
  const std::string config = write_config();
  const Result fits = run_molmo({"train", config, "--plan", "--json", "--memory", "1"});
  ASSERT_EQ(fits.status, kExitDone) << fits.err;
  const Json plan = parse_json(fits.out, "plan");
  EXPECT_EQ(plan["fits"], true);
  EXPECT_EQ(plan["stages"][0]["gradients"], 4 * plan["stages"][0]["trained_parameters"].get<int64_t>());
  EXPECT_EQ(plan["stages"][0]["optimizer"], 8 * plan["stages"][0]["trained_parameters"].get<int64_t>());
  EXPECT_FALSE(fs::exists(folder_.path() / "run"));

  const Result refused = run_molmo({"train", config, "--memory", "0.001"});
  EXPECT_EQ(refused.status, kExitFailed);
  EXPECT_THAT(refused.err, HasSubstr("stage tuning needs"));
  EXPECT_FALSE(fs::exists(folder_.path() / "run"));
}

TEST_F(TrainVerb, NamesWhatIsWrongWithTheConfiguration) {
  const Result unknown = run_molmo({"train", write_config(), "stages.0.setps=3"});
  EXPECT_EQ(unknown.status, kExitFailed);
  EXPECT_THAT(unknown.err, HasSubstr("unknown key 'setps'. Did you mean 'steps'?"));
  const Result missing = run_molmo({"train", folder_.path() / "none.yaml"});
  EXPECT_EQ(missing.status, kExitFailed);
  EXPECT_THAT(missing.err, HasSubstr("none.yaml"));
  EXPECT_EQ(run_molmo({"train"}).status, kExitUsage);
}

}  // namespace
}  // namespace molmo::cli
