// molmo train as its users run it: killed, stopped, asked for a plan; and what was learnt comes back through molmo run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
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
    std::map<std::string, std::string> files = {{"metrics", read_file(run / "metrics.jsonl")},
                                                {"model", read_file(run / "tuning" / "model.safetensors")}};
    for (const auto& file : fs::directory_iterator(run / "checkpoints" / newest.substr(0, newest.find('\n'))))
      if (file.path().extension() == ".safetensors") files[file.path().filename()] = read_file(file.path());
    return files;
  }

  std::vector<double> losses(const char* name) const {
    std::vector<double> losses;
    std::ifstream lines(folder_.path() / name / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);) losses.push_back(parse_json(line, "metrics")["loss"]);
    return losses;
  }

  void learn_by_heart() {
    config::StageConfig& stage = config_.stages[0];
    stage.steps = 300;
    stage.global_batch = stage.micro_batch = 8;
    stage.residual_dropout = 0;
    for (auto* component : {&stage.vision, &stage.connector, &stage.language}) component->learning_rate = 3e-3;
    config_.save_every = 1000;
  }

  double last_loss() const {
    double loss = 0;
    std::istringstream lines(read_file(folder_.path() / "run/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) loss = parse_json(line, "metrics")["cross_entropy"];
    return loss;
  }

  void expect_answers(const std::vector<std::string>& model) const {
    for (int i = 0; i < 4; ++i) {
      std::vector<std::string> arguments = {"run",
                                            "-p",
                                            "What is this?",
                                            "-n",
                                            "8",
                                            "--json",
                                            "-t",
                                            "1",
                                            "--image",
                                            folder_.path() / fmt::format("pictures/{}.png", i)};
      arguments.insert(arguments.end(), model.begin(), model.end());
      const Result result = run_molmo(arguments);
      ASSERT_EQ(result.status, kExitDone) << result.err;
      EXPECT_EQ(parse_json(result.out, "molmo run")["text"], " " + test::toy_answer(i));
    }
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
  const auto log_bytes = [&]() -> uintmax_t {
    std::error_code missing;
    const auto size = fs::file_size(folder_.path() / "run/metrics.jsonl", missing);
    return missing ? 0 : size;
  };
  for (const auto& [signal, status] : {std::pair{SIGTERM, 143}, {SIGINT, 130}}) {
    const uintmax_t before = log_bytes();
    Child child({"train", config, "-t", "1"});
    while (log_bytes() <= before) std::this_thread::sleep_for(std::chrono::milliseconds(5));
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

TEST_F(TrainVerb, TwoProcessesLearnWhatOneDoes) {
  config_.stages[0].steps = 20;
  config_.stages[0].residual_dropout = 0;
  config_.stages[0].validation = config_.stages[0].data;
  config_.evaluate_every = 10;
  for (auto* component : {&config_.stages[0].vision, &config_.stages[0].connector, &config_.stages[0].language})
    component->learning_rate = 1e-3;
  const auto run = [&](const char* name, const char* num_processes, const char* setting) {
    const Result result =
        run_molmo({"train", write_config(), output(name), "-t", "1", "--nproc", num_processes, setting});
    EXPECT_EQ(result.status, kExitDone) << result.err;
    EXPECT_TRUE(fs::exists(folder_.path() / name / "tuning" / "model.safetensors"));
    return result;
  };
  run("alone", "1", "parallel.sharding=full");
  run("full", "2", "parallel.sharding=full");
  run("none", "2", "parallel.sharding=none");
  run("layers", "2", "parallel.tensor_parallel=2");
  std::map<std::string, std::vector<double>> found;
  for (const char* name : {"alone", "full", "none", "layers"}) {
    std::ifstream lines(folder_.path() / name / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);) {
      const Json json = parse_json(line, "metrics");
      found[name].push_back(json.contains("loss") ? json["loss"].get<double>()
                                                  : json["validation"]["jsonl"]["cross_entropy"].get<double>());
    }
  }
  ASSERT_EQ(found["alone"].size(), 22u);
  for (const char* name : {"full", "none", "layers"}) {
    ASSERT_EQ(found[name].size(), 22u);
    for (size_t i = 0; i < 22; ++i)
      EXPECT_NEAR(found[name][i], found["alone"][i], 1e-6 * found["alone"][i]) << name << i;
  }
}

TEST_F(TrainVerb, OneOfTwoProcessesIsKilled) {
  config_.stages[0].steps = 60;
  config_.save_every = 2;
  const std::string config = write_config();
  const auto words = [&](const char* name) {
    return std::vector<std::string>{"train", config, output(name), "-t", "1", "--nproc", "2"};
  };
  ASSERT_EQ(run_molmo(words("unbroken")).status, kExitDone);
  const auto expected = lasting("unbroken");
  ASSERT_EQ(expected.size(), 4u);  // two parts of the state
  for (const int rank : {0, 1}) {
    const std::string name = fmt::format("killed-{}", rank);
    Child child(words(name.c_str()));
    const auto has_begun = [&] { return fs::exists(folder_.path() / name / "checkpoints" / "latest"); };
    while (!has_begun()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const pid_t victim = test::process_of_rank(child.id(), rank);
    ASSERT_GT(victim, 0);
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    const Result result = child.finish();
    EXPECT_EQ(result.status, kExitFailed);
    EXPECT_THAT(result.err, HasSubstr(fmt::format("rank {} of 2 does not answer any more", rank)));
    EXPECT_THAT(result.err, HasSubstr(fmt::format("rank {} was ended by signal 9", rank)));
    ASSERT_EQ(run_molmo(words(name.c_str())).status, kExitDone);
    EXPECT_EQ(lasting(name.c_str()), expected);
  }

  // A signal that asks for the end reaches all of them, and one process goes on with what two have saved.
  config_.stages[0].steps = 100000;
  const std::string longer = write_config();
  Child child({"train", longer, output("stopped"), "-t", "1", "--nproc", "2"});
  while (!fs::exists(folder_.path() / "stopped" / "checkpoints" / "latest"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  child.kill(SIGTERM);
  const Result result = child.finish();
  EXPECT_EQ(result.status, 143) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the same command goes on from there"));
  const int64_t step = std::stoll(read_file(folder_.path() / "stopped/checkpoints/latest").substr(5));
  ASSERT_EQ(
      run_molmo({"train", longer, output("stopped"), fmt::format("stages.0.steps={}", step + 2), "-t", "1"}).status,
      kExitDone);
  EXPECT_EQ(static_cast<int64_t>(losses("stopped").size()), step + 2);
}

TEST_F(TrainVerb, WhatOneProcessCannotDoIsTheErrorOfAll) {
  config_.parallel.sharding = config::Sharding::Hybrid;
  config_.parallel.replicas = 3;
  const Result result = run_molmo({"train", write_config(), "-t", "1", "--nproc", "2"});
  EXPECT_EQ(result.status, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("the run has 2 processes, expected a multiple of 3"));
}

TEST_F(TrainVerb, WhatWasLearntComesBack) {
  learn_by_heart();
  ASSERT_EQ(run_molmo({"train", write_config(), "-t", "1"}).status, kExitDone);
  EXPECT_LT(last_loss(), 0.05);
  expect_answers({"-m", folder_.path() / "run/tuning"});
}

TEST_F(TrainVerb, AdaptersAnswerTooAndLeaveTheWeightsAlone) {
  learn_by_heart();
  config_.stages[0].lora = {
      .rank = 16,
      .alpha = 32,
      .targets = {"att_proj", "attn_out", "ff_proj", "ff_out", "w1", "w2", "w3", "wq", "wk", "wv", "wo"}};
  const std::string before = read_file(folder_.path() / "model/model.safetensors");
  ASSERT_EQ(run_molmo({"train", write_config(), "-t", "1"}).status, kExitDone);
  EXPECT_LT(last_loss(), 0.05);
  EXPECT_EQ(read_file(folder_.path() / "model/model.safetensors"), before);
  expect_answers({"-m", folder_.path() / "model", "--lora", folder_.path() / "run/tuning"});
}

TEST_F(TrainVerb, DrawsItsDataWhileItTrains) {
  config::StageConfig text = config_.stages[0], labels = text, chat = text;
  text.name = "text";
  text.objective = config::Objective::Text;
  text.data[0].sources[0].name = "synth:text";
  labels.name = "labels";
  labels.objective = config::Objective::PatchLabels;
  labels.patch_classes = {255};
  labels.data[0].sources[0].name = "synth:points";
  labels.data[0].sources[0].options = {"size=64", "difficulty=easy", "labels=kinds"};
  chat.name = "chat";
  chat.sequence_length = 512;
  chat.data[0].sources[0].name = "synth:points";
  chat.data[0].sources[0].options = {"size=64", "difficulty=easy"};
  config_.stages = {text, labels, chat};
  for (config::StageConfig& stage : config_.stages) {
    stage.steps = 2;
    stage.data[0].sources[0].path = "";
    stage.validation = stage.data;
    stage.validation[0].sources[0].split = "validation";
  }
  config_.evaluate_every = 2;
  config_.evaluate_examples = 4;
  const Result result = run_molmo({"train", write_config(), "-t", "1"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(read_file(folder_.path() / "run/bad-samples.jsonl"), "");
  EXPECT_TRUE(fs::exists(folder_.path() / "run/chat/model.safetensors"));
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
