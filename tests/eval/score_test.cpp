// Scoring predictions from files, published benchmarks, and the report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "eval/eval_report.h"
#include "eval/paper_table.h"
#include "eval/score_predictions.h"
#include "fixtures.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// Score of one answer to one reference.
std::map<std::string, double> score(const std::string& benchmark, const Json& reference, const std::string& answer,
                                    config::Quirks quirks = config::Quirks::Fixed) {
  const ItemScores scored = find_benchmark(benchmark).score(reference, answer, quirks);
  return {scored.scores.begin(), scored.scores.end()};
}

TEST(PublishedBenchmarks, ScoreByTheirMetrics) {
  const Json people = {{"answers", {"cat", "cat", "dog", "Cat", "a bird"}}};
  EXPECT_DOUBLE_EQ(score("vqa2", people, "The cat.").at("vqa_score"), 1);
  EXPECT_DOUBLE_EQ(score("text_vqa", people, "bird").at("vqa_score"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(score("a_okvqa_da", people, "CAT").at("a_okvqa_score"), 1);
  EXPECT_DOUBLE_EQ(score("doc_qa", {{"answers", {"abcdefghij", "x"}}}, "abcdefghiX").at("anls"), 0.9);
  EXPECT_DOUBLE_EQ(score("chart_qa", {{"answers", {"100"}}, {"is_human", true}}, "104").at("relaxed_correctness"), 1);
  const Json options = {{"option_names", {"A", "B", "C"}}, {"answer_idx", 1}};
  EXPECT_DOUBLE_EQ(score("science_qa", options, " b").at("mc"), 1);
  EXPECT_DOUBLE_EQ(score("a_okvqa_mc", options, "C").at("mc"), 0);
  Json diagram = options;
  EXPECT_EQ(score("ai2d", diagram, "B").size(), 2u);  // without letters it belongs to both
  diagram["abc_label"] = true;
  diagram["has_transparent_box"] = true;
  EXPECT_EQ(score("ai2d", diagram, "B"), (std::map<std::string, double>{{"mc_transparent", 1}}));
  EXPECT_DOUBLE_EQ(
      score("mmmu", {{"question_type", "open"}, {"answer", "3.14"}}, "The answer is 3.141").at("mmmu_score"), 1);
  EXPECT_DOUBLE_EQ(
      score("real_world_qa", {{"question_type", "multiple_choice"}, {"answer", "C"}}, "c").at("real_world_qa_score"),
      1);
  const Json number = {{"question_type", "free_form"}, {"answer_type", "float"}, {"precision", 1.0}, {"answer", "1.5"}};
  EXPECT_DOUBLE_EQ(score("math_vista", number, "1.52").at("math_vista_score"), 1);
  EXPECT_DOUBLE_EQ(score("math_vista", number, "1.52", config::Quirks::Reference).at("math_vista_score"), 0);
  EXPECT_DOUBLE_EQ(score("countbench_qa", {{"count", 0}}, "There are none.").at("correct"), 1);
  EXPECT_DOUBLE_EQ(
      score("android_control_ll", {{"target_action", "Click(20.0, 30.0)"}, {"target_box", "[10.0, 20.0, 30.0, 40.0]"}},
            "Click(11.0, 39.9)")
          .at("accuracy"),
      1);
  EXPECT_DOUBLE_EQ(
      score("clock_bench_coco", {{"hour", 11}, {"minute", 59}, {"second", -1}}, "0:00").at("overall_close"), 1);
  const Json pointing = {{"width", 4},
                         {"height", 2},
                         {"gt_points", {{1.0, 1.0}}},
                         {"mask_rows", Json::array({Json::array({"0000", "0100"})})}};
  EXPECT_NEAR(score("pointing", pointing, R"(<point x="25.0" y="50.0" alt="a">a</point>)").at("f1"), 1, 1e-9);
}

TEST(PublishedBenchmarks, HaveNamesOfTheirOwnAndSetsThatExist) {
  std::set<std::string_view> names;
  for (const Benchmark& benchmark : benchmarks()) EXPECT_TRUE(names.insert(benchmark.name).second) << benchmark.name;
  for (const PaperColumn& column : paper_columns()) EXPECT_TRUE(names.contains(column.benchmark)) << column.benchmark;
  for (const Benchmark& benchmark : benchmarks()) {
    if (is_drawn(benchmark)) continue;
    try {
      open_benchmark(benchmark, {.path = "/nowhere"});
      FAIL() << benchmark.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::NotFound) << benchmark.name << ": " << error.what();
    }
  }
}

class Scoring : public testing::Test {
 protected:
  void SetUp() override {
    write_file_atomic(folder_.path() / "references.jsonl", "{\"id\":\"a\",\"count\":2}\n{\"id\":7,\"count\":3}\n\n");
  }
  BenchmarkScores score(const std::string& predictions, const ScoreOptions& options = {}) const {
    write_file_atomic(folder_.path() / "predictions.jsonl", predictions);
    const Benchmark& benchmark = find_benchmark("pixmo_count");
    return score_predictions(benchmark, read_references(benchmark, {.path = folder_.path()}),
                             read_predictions(folder_.path() / "predictions.jsonl"), options);
  }
  std::string error(const std::string& predictions) const {
    try {
      score(predictions);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  test::TemporaryFolder folder_;
};

TEST_F(Scoring, TakesNumbersAsIdsAndScoresPartsOnRequest) {
  const BenchmarkScores whole = score("{\"id\":\"a\",\"prediction\":\"2\"}\n{\"id\":7,\"prediction\":\"5\"}\n");
  EXPECT_EQ(whole.n, 2);
  EXPECT_DOUBLE_EQ(whole.find("correct")->mean, 0.5);
  EXPECT_DOUBLE_EQ(whole.find("per_count")->mean, 0.5);
  const BenchmarkScores part = score("{\"id\":\"a\",\"prediction\":\"2\"}\n", {.allows_missing = true});
  EXPECT_EQ(part.n, 1);
  EXPECT_EQ(part.missing, 1);
}

TEST_F(Scoring, SaysWhatIsWrongWithPredictions) {
  const std::string a = "{\"id\":\"a\",\"prediction\":\"2\"}\n", seven = "{\"id\":7,\"prediction\":\"5\"}\n";
  EXPECT_THAT(error(a), AllOf(HasSubstr("1 of 2"), HasSubstr("'7'"), HasSubstr("--partial")));
  EXPECT_THAT(error(a + seven + a), AllOf(HasSubstr("line 3"), HasSubstr("'a' has a prediction on an earlier line")));
  EXPECT_THAT(error(a + seven + "{\"id\":\"b\",\"prediction\":\"\"}\n"),
              AllOf(HasSubstr("does not have"), HasSubstr("'b'")));
  EXPECT_THAT(error(a + "{\"id\":7}\n"), AllOf(HasSubstr("line 2"), HasSubstr("'prediction' of '7' is missing")));
  EXPECT_THAT(error(a + "{\"prediction\":\"\"}\n"), HasSubstr("no 'id'"));
  EXPECT_THAT(error(a + "[1]\n"), HasSubstr("expected an object"));
  EXPECT_THAT(error(a + "{\"id\":7,\"prediction\":5}\n"), HasSubstr("expected a text"));
  EXPECT_THAT(error(a + "{\"id\":7,\"pre\n"), HasSubstr("line 2"));
}

TEST(PaperTable, AveragesAreThePrintedOnes) {
  EXPECT_EQ(paper_rows().size(), 18u);
  for (const PaperRow& row : paper_rows()) {
    std::array<std::optional<double>, kNumEleven> scores;
    std::copy(row.scores.begin(), row.scores.end(), scores.begin());
    // Eleven numbers and their average, each rounded to one decimal.
    EXPECT_NEAR(average_of_eleven(scores).value(), row.printed_average, 0.1) << row.model;
    scores[3].reset();
    EXPECT_FALSE(average_of_eleven(scores));
  }
}

class Reports : public testing::Test {
 protected:
  // A run with one benchmark and two questions, of which the first `num_right` are answered.
  fs::path write_run(const std::string& name, int num_right) const {
    const fs::path folder = folder_.path() / name / "synth-count";
    fs::create_directories(folder);
    std::string lines;
    for (int i = 0; i < 2; ++i) {
      const double correct = i < num_right;
      lines += dump_json({{"id", "q" + std::to_string(i)},
                          {"prompt", "How many <dogs>?"},
                          {"prediction", "2|"},
                          {"parsed", "2"},
                          {"scores", {{"correct", correct}}}}) +
               "\n";
    }
    write_file_atomic(folder / "predictions.jsonl", lines);
    write_json_file(folder / "scores.json",
                    {{"benchmark", "synth-count"},
                     {"n", 2},
                     {"missing", 0},
                     {"scores", {{"correct", num_right / 2.0}}},
                     {"numbers", {{"correct", 2}}},
                     {"intervals", {{"correct", {0.0, 1.0}}}},
                     {"by_category", {{"count", {{"2", {{"n", 2}, {"correct", num_right / 2.0}}}}}}}});
    return folder_.path() / name;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Reports, ShowScoresCategoriesFailuresAndDifferences) {
  const auto runs = read_runs({write_run("before", 0), write_run("after", 1)});
  const std::string html = report_html(runs);
  EXPECT_THAT(html, AllOf(HasSubstr("Molmo-72B (paper)"), HasSubstr("81.2"), HasSubstr("synth-count by count"),
                          HasSubstr("How many &lt;dogs&gt;?"), HasSubstr("after after before"), HasSubstr("+0.500"),
                          HasSubstr("Answers that changed"), HasSubstr("<td>better</td>")));
  const std::string text = report_markdown(runs);
  EXPECT_THAT(
      text, AllOf(HasSubstr("| synth-count | correct | 0.500 | 0.000 to 1.000 | 2 |"), HasSubstr("| model | AI2D |")));
  const Json json = report_json(runs);
  EXPECT_EQ(json["differences"][0]["better"], Json::array({"q0"}));
  EXPECT_TRUE(json["differences"][0]["worse"].empty());
  EXPECT_TRUE(json["runs"][0]["average_of_eleven"].is_null());
  write_report(runs, folder_.path() / "report");
  for (const char* file : {"report.html", "report.md", "report.json"})
    EXPECT_TRUE(fs::exists(folder_.path() / "report" / file)) << file;
  EXPECT_THROW(read_runs({folder_.path() / "nothing"}), Error);
}

}  // namespace
}  // namespace molmo::eval
