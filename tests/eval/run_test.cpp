// Drawn benchmarks: their own truth scores full marks; and runs with a model that always says the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "eval/predictions.h"
#include "eval/run.h"
#include "fixtures.h"
#include "pointing_model.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// What the model should have written.
std::string true_answer(const Question& question) {
  text::Annotation annotation = question.annotation;
  if (annotation.points) {
    const Json& truth = *question.reference;
    const ImageSize size{truth.value("height", int64_t{192}), truth.value("width", int64_t{192})};
    return text::points_answer(annotation, size);
  }
  return annotation.answer ? *annotation.answer : annotation.text.value();
}

BenchmarkScores score_truth(const std::string& name, size_t num_examples, std::vector<std::string> options = {}) {
  const Benchmark& benchmark = find_benchmark(name);
  options.push_back("size=192");
  const auto dataset = open_benchmark(benchmark, {.options = options});
  ScoreTable table;
  for (size_t i = 0; i < num_examples; ++i) {
    RandomStream draws(0, dataset->name(), i);
    for (const Question& question : benchmark.ask(dataset->example(i, draws)))
      table.add(benchmark.score(*question.reference, true_answer(question), config::Quirks::Fixed));
  }
  return table.summarize(name, benchmark.balanced);
}

TEST(DrawnBenchmarks, GiveFullMarksToTheTruth) {
  const BenchmarkScores points = score_truth("synth-points", 60);
  // Rounding to whole pixels leaves the mask of a thin object now and then.
  EXPECT_GT(points.find("f1")->mean, 0.99);
  EXPECT_EQ(points.find("absent")->mean, 1);
  EXPECT_GT(points.find("absent")->n, 5);
  const BenchmarkScores count = score_truth("synth-count", 60);
  EXPECT_EQ(count.find("correct")->mean, 1);
  EXPECT_TRUE(count.by_category.at("count").contains("0"));
  EXPECT_TRUE(count.by_category.at("count").contains("10"));
  const BenchmarkScores clocks = score_truth("synth-clocks", 20);
  EXPECT_EQ(clocks.find("exact")->mean, 1);
  EXPECT_EQ(clocks.find("within_5_minutes")->mean, 1);
  const BenchmarkScores captions = score_truth("synth-cap", 40, {"difficulty=hard"});
  EXPECT_EQ(captions.find("recall")->mean, 1);
  EXPECT_EQ(captions.find("precision")->mean, 1);
  const BenchmarkScores docs = score_truth("synth-docs", 30);
  EXPECT_EQ(docs.find("relaxed")->mean, 1);
  EXPECT_EQ(docs.find("exact")->mean, 1);
}

TEST(DrawnBenchmarks, AskAboutTheSameThingsWheneverTheyAreOpened) {
  const Benchmark& benchmark = find_benchmark("synth-points");
  const auto a = open_benchmark(benchmark, {.options = {"size=64"}}),
             b = open_benchmark(benchmark, {.options = {"size=64"}});
  RandomStream draws(0, "", 0), others(9, "", 0);
  EXPECT_EQ(*benchmark.ask(a->example(5, draws)).at(0).reference,
            *benchmark.ask(b->example(5, others)).at(0).reference);
  EXPECT_THROW(find_benchmark("synth-point"), Error);
}

class Runs : public testing::Test {
 protected:
  void SetUp() override {
    test::write_pointing_model(folder_.path() / "model", "There are none.");
    const auto checkpoint = checkpoint::Checkpoint::open(folder_.path() / "model");
    model_ = std::make_unique<generate::LoadedModel>(
        generate::LoadedModel{model::Molmo(checkpoint.config(), checkpoint.load_weights()),
                              text::Tokenizer::load(checkpoint.tokenizer_folder())});
  }

  RunResult run(const RunOptions& options, const std::string& name = "synth-points") const {
    return run_benchmark(find_benchmark(name), {.options = {"size=64"}}, *model_, options);
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<generate::LoadedModel> model_;
};

TEST_F(Runs, ScoreWhatTheModelSays) {
  const RunResult points = run({.limit = 24});
  EXPECT_TRUE(points.is_finished);
  EXPECT_EQ(points.scores.find("absent")->mean, 1);
  EXPECT_EQ(points.scores.find("f1")->mean, 0);
  const RunResult count = run({.limit = 12}, "synth-count");
  const auto& by_count = count.scores.by_category.at("count");
  EXPECT_EQ(count.scores.n, 12);
  for (const auto& [value, scores] : by_count) EXPECT_EQ(scores.at(0).mean, value == "0") << value;
}

TEST_F(Runs, GoOnWhereTheyWereInterrupted) {
  const RunResult whole = run({.output = folder_.path() / "whole", .limit = 20, .batch_size = 4});
  int num_asked = 0;
  RunOptions options{.output = folder_.path() / "parts", .limit = 20, .batch_size = 4};
  options.is_stop_requested = [&] { return ++num_asked > 9; };
  const RunResult first = run(options);
  EXPECT_FALSE(first.is_finished);
  EXPECT_LT(first.num_answered, whole.num_answered);
  // A kill in the middle of a line.
  std::ofstream(folder_.path() / "parts/synth-points/predictions.jsonl", std::ios::app) << R"({"id":"points-te)";
  options.is_stop_requested = [] { return false; };
  const RunResult rest = run(options);
  EXPECT_TRUE(rest.is_finished);
  EXPECT_EQ(first.num_answered + rest.num_answered, whole.num_answered);
  for (const char* file : {"predictions.jsonl", "references.jsonl", "scores.json"}) {
    EXPECT_EQ(read_file(folder_.path() / "parts/synth-points" / file),
              read_file(folder_.path() / "whole/synth-points" / file))
        << file;
  }
  EXPECT_EQ(run(options).num_answered, 0);
}

TEST_F(Runs, KeepAnswersOfDifferentModelsApart) {
  RunOptions options{.output = folder_.path() / "out", .limit = 4, .model_name = "a"};
  run(options);
  options.model_name = "b";
  try {
    run(options);
    FAIL() << "the answers of two models were mixed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'model' was \"a\" and is now \"b\""));
  }
}

TEST_F(Runs, RefuseDamagedPredictions) {
  const fs::path file = folder_.path() / "predictions.jsonl";
  for (const std::string& text :
       {std::string("{}\n"), std::string("[]\n"), std::string("{\"id\":1,\"prediction\":\"\"}\n"),
        std::string("{\"id\":\"a\",\"prediction\":\"\"}\n{\"id\":\"a\",\"prediction\":\"\"}\n")}) {
    write_file_atomic(file, text);
    EXPECT_THROW(PredictionLog{file}, Error) << text;
  }
}

}  // namespace
}  // namespace molmo::eval
