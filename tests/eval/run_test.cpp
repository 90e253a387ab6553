// Drawn benchmarks: their own truth scores full marks; and runs with a model that always says the same.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "dist/thread_ranks.h"
#include "eval/predictions.h"
#include "eval/run.h"
#include "fixtures.h"
#include "image/encode.h"
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

// What the reference of a published benchmark says to answer.
std::string published_answer(const Question& question) {
  const Json& truth = *question.reference;
  if (truth.contains("option_names") && truth.contains("answer_idx"))
    return truth["option_names"].at(truth["answer_idx"].get<size_t>()).get<std::string>();
  if (truth.contains("gt_points")) {
    text::Annotation annotation = question.annotation;
    return text::points_answer(annotation, ImageSize{truth.at("height"), truth.at("width")});
  }
  if (truth.contains("target_action")) return truth["target_action"];
  if (truth.contains("count")) return std::to_string(truth["count"].get<int>());
  if (truth.contains("hour")) {
    std::string time = fmt::format("{}:{:02}", truth["hour"].get<int>(), truth["minute"].get<int>());
    if (truth["second"].get<int>() >= 0) time += fmt::format(":{:02}", truth["second"].get<int>());
    return time;
  }
  if (truth.contains("references")) {
    std::string all;
    for (const Json& reference : truth["references"]) all += reference.get<std::string>() + "\n";
    return all;
  }
  if (truth.contains("choices") && truth["choices"].is_array()) {  // models answer with the letter that they are shown
    const Json& choices = truth["choices"];
    const auto right = std::find(choices.begin(), choices.end(), truth.at("answer")) - choices.begin();
    return truth.at("option_names").at(static_cast<size_t>(right));
  }
  return truth.contains("answers") ? truth["answers"].at(0) : truth.at("answer");
}

TEST(Counterparts, OfEveryPublishedBenchmarkGiveFullMarksToTheTruthAndNoneToOthers) {
  for (const Benchmark& benchmark : benchmarks()) {
    if (is_drawn(benchmark)) continue;
    SCOPED_TRACE(benchmark.name);
    const auto dataset = open_benchmark(benchmark, {.options = {"size=160"}, .is_drawn = true});
    ScoreTable right, wrong;
    for (size_t i = 0; i < 16; ++i) {
      RandomStream draws(0, dataset->name(), i);
      const data::Example example = dataset->example(i, draws);
      ASSERT_EQ(example.pictures.size(), 1u);
      const auto questions = benchmark.ask(example);
      ASSERT_FALSE(questions.empty());
      for (const Question& question : questions) {
        right.add(benchmark.score(*question.reference, published_answer(question), config::Quirks::Fixed));
        wrong.add(benchmark.score(*question.reference, "no such thing at all", config::Quirks::Fixed));
      }
    }
    const auto rights = right.summarize(benchmark.name, benchmark.balanced);
    ASSERT_NE(rights.find(benchmark.main_score), nullptr);
    // Rounding to whole pixels leaves the mask of a thin object now and then.
    EXPECT_GT(rights.find(benchmark.main_score)->mean, benchmark.name == "pointing" ? 0.97 : 0.999);
    // A wrong text still means the nearest option, and may be the right one.
    EXPECT_LT(wrong.summarize(benchmark.name, benchmark.balanced).find(benchmark.main_score)->mean, 0.7);
  }
}

TEST(Counterparts, DrawLettersIntoDiagramsInBothWays) {
  const Benchmark& ai2d = find_benchmark("ai2d");
  const auto dataset = open_benchmark(ai2d, {.options = {"size=192"}, .is_drawn = true});
  std::set<std::string> scores;
  for (size_t i = 0; i < 24; ++i) {
    RandomStream draws(0, "", i);
    const Question question = ai2d.ask(dataset->example(i, draws)).at(0);
    const ItemScores scored = ai2d.score(*question.reference, "A", config::Quirks::Fixed);
    if (scored.scores.size() == 1) scores.insert(scored.scores[0].first);
    EXPECT_EQ(question.annotation.unlabelled_options.has_value(), scored.scores.size() == 1);
  }
  EXPECT_EQ(scores, (std::set<std::string>{"mc_opaque", "mc_transparent"}));
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

std::vector<std::string> sorted_lines(const fs::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(Runs, ShareTheQuestionsBetweenRanks) {
  const RunResult whole = run({.output = folder_.path() / "whole", .limit = 19, .batch_size = 4});
  for (const int64_t num_ranks : {2, 3}) {
    const std::string name = fmt::format("shared-{}", num_ranks);
    std::atomic<int64_t> num_answered = 0, num_results = 0;
    test::run_ranks(num_ranks, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
      const RunResult result = run({.output = folder_.path() / name, .limit = 19, .batch_size = 4, .group = group});
      EXPECT_TRUE(result.is_finished);
      num_answered = result.num_answered;
      num_results += result.scores.n > 0;
    });
    EXPECT_EQ(num_answered, whole.num_answered);
    EXPECT_EQ(num_results, 1);
    for (const char* file : {"predictions.jsonl", "references.jsonl", "scores.json", "run.json"}) {
      EXPECT_EQ(read_file(folder_.path() / name / "synth-points" / file),
                read_file(folder_.path() / "whole/synth-points" / file))
          << file;
    }
    EXPECT_FALSE(fs::exists(part_file(folder_.path() / name / "synth-points/predictions.jsonl", 1)));
  }
}

TEST_F(Runs, GoOnWithAnotherNumberOfRanks) {
  const RunResult whole = run({.output = folder_.path() / "whole", .limit = 24, .batch_size = 2});
  const fs::path folder = folder_.path() / "parts", predictions = folder / "synth-points/predictions.jsonl";
  int64_t num_answered = 0;
  // Three ranks, of which each is stopped after a few examples; one has a line that a kill tore.
  test::run_ranks(3, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    int num_asked = 0;
    const int most = 3 + static_cast<int>(group->rank());
    RunOptions options{.output = folder, .limit = 24, .batch_size = 2, .group = group};
    options.is_stop_requested = [&] { return ++num_asked > most; };
    const RunResult result = run(options);
    EXPECT_FALSE(result.is_finished);
    if (group->rank() == 0) num_answered = result.num_answered;
  });
  EXPECT_GT(num_answered, 0);
  EXPECT_LT(num_answered, whole.num_answered);
  // Ranks that were killed leave their parts: one has an answer that is known already, and a torn line.
  std::string first_line = read_file(predictions);
  first_line.resize(first_line.find('\n') + 1);
  std::ofstream(part_file(predictions, 7)) << first_line << R"({"id":"points-te)";
  test::run_ranks(2, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    const RunResult result = run({.output = folder, .limit = 24, .batch_size = 2, .group = group});
    EXPECT_TRUE(result.is_finished);
    if (group->rank() == 0) num_answered += result.num_answered;
  });
  EXPECT_EQ(num_answered, whole.num_answered);
  EXPECT_EQ(sorted_lines(predictions), sorted_lines(folder_.path() / "whole/synth-points/predictions.jsonl"));
  EXPECT_EQ(read_file(folder / "synth-points/scores.json"),
            read_file(folder_.path() / "whole/synth-points/scores.json"));
  // One process alone has nothing left to do.
  EXPECT_EQ(run({.output = folder, .limit = 24}).num_answered, 0);
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

// A picture of the benchmark's own, small.
void write_picture(const fs::path& file) {
  fs::create_directories(file.parent_path());
  write_file_atomic(file, image::encode_jpeg({{40, 60}, std::vector<uint8_t>(3 * 40 * 60, 200)}, 90));
}

TEST_F(Runs, WriteTheFilesOfTestServers) {
  const fs::path data = folder_.path() / "data", output = folder_.path() / "out";
  write_picture(data / "test2015/COCO_test2015_000000000009.jpg");
  write_json_file(data / "v2_OpenEnded_mscoco_test2015_questions.json",
                  {{"questions",
                    {{{"image_id", 9}, {"question_id", 9001}, {"question", "Is it dark?"}},
                     {{"image_id", 9}, {"question_id", 9000}, {"question", "What is it?"}}}}});
  write_picture(data / "documents/a.png");
  const Json document = {{"questionId", 57349}, {"question", "?"}, {"docId", 3}, {"image", "documents/a.png"}};
  write_json_file(data / "test_v1.0.json", {{"data", Json::array({document})}});
  write_picture(data / "images/20.jpeg");
  const Json graphic = {{"questionId", 68481}, {"question", "?"}, {"image_local_name", "20.jpeg"}};
  write_json_file(data / "infographicsVQA_test_v1.0.json", {{"data", Json::array({graphic})}});
  const auto submission = [&](const std::string& name) {
    const RunResult result = run_benchmark(find_benchmark(name), {.path = data, .split = "test"}, *model_,
                                           {.output = output, .max_crops = 1});
    EXPECT_TRUE(result.is_finished);
    EXPECT_TRUE(result.scores.scores.empty());
    return read_json_file(output / name / "submission.json");
  };
  EXPECT_EQ(submission("vqa2"), Json::array({{{"question_id", 9001}, {"answer", "There are none."}},
                                             {{"question_id", 9000}, {"answer", "There are none."}}}));
  const auto answered = [](int id) { return Json{{"questionId", id}, {"answer", "There are none."}}; };
  EXPECT_EQ(submission("doc_qa"), Json::array({answered(57349)}));
  EXPECT_EQ(submission("info_qa"), Json::array({answered(68481)}));
}

TEST_F(Runs, JudgeDenseCaptions) {
  const RunResult result = run_benchmark(find_benchmark("dense_cap"), {.options = {"size=64"}, .is_drawn = true},
                                         *model_, {.output = folder_.path() / "out", .limit = 3});
  EXPECT_EQ(result.scores.find("f1")->n, 3);
  const Json scores = read_json_file(folder_.path() / "out/dense_cap/scores.json");
  EXPECT_EQ(scores.at("judge"), lexical_judge()->name());
  EXPECT_TRUE(scores.at("is_drawn").get<bool>());
  EXPECT_EQ(sorted_lines(folder_.path() / "out/dense_cap/judgements.jsonl").size(), 3u);
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
