// molmo eval as its users run it: everything without a file of anybody, several processes, one that is killed, and a
// judge behind an endpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "eval/benchmark.h"
#include "fixtures.h"
#include "http/loopback_server.h"
#include "pointing_model.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::Child;
using test::Result;
using test::run_molmo;
using testing::AllOf;
using testing::HasSubstr;

class EvalVerb : public testing::Test {
 protected:
  void SetUp() override { test::write_pointing_model(path("MODEL"), "There are none."); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> words(const std::vector<std::string>& benchmarks, const std::string& output,
                                 const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"eval", "run"};
    all.insert(all.end(), benchmarks.begin(), benchmarks.end());
    all.insert(all.end(), {"-m", path("MODEL"), "-t", "1", "--option", "size=64", "-o", path(output)});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  test::TemporaryFolder folder_;
};

TEST_F(EvalVerb, RunsEveryBenchmarkWithoutTheirFilesAndReports) {
  const Result result = run_molmo(words({"all"}, "out", {"--drawn", "--limit", "1", "--max-crops", "1", "-n", "8"}));
  ASSERT_EQ(result.status, kExitDone) << result.err;
  for (const eval::Benchmark& benchmark : eval::benchmarks()) {
    EXPECT_THAT(result.out, HasSubstr("\n" + std::string(benchmark.name) + " ")) << benchmark.name;
    EXPECT_TRUE(read_json_file(path("out") / benchmark.name / "scores.json").at("is_drawn").get<bool>());
  }
  const Result report = run_molmo({"eval", "report", path("out"), "-o", path("report"), "--json"});
  ASSERT_EQ(report.status, kExitDone) << report.err;
  EXPECT_TRUE(parse_json(report.out, "report")["runs"][0]["average_of_eleven"].is_number());
  EXPECT_THAT(read_file(path("report/report.md")), AllOf(HasSubstr("| out (drawn pictures) |"),
                                                         HasSubstr("| dense_cap (judged by built-in judge by words;")));
}

TEST_F(EvalVerb, SeveralProcessesShareTheWorkAndLoseNothingWhenOneIsKilled) {
  const std::vector<std::string> benchmarks = {"synth-count"};
  ASSERT_EQ(run_molmo(words(benchmarks, "alone", {"--limit", "60"})).status, kExitDone);
  const auto content = [&](const std::string& output, const char* file) {
    return read_file(path(output) / "synth-count" / file);
  };
  const Result two = run_molmo(words(benchmarks, "two", {"--limit", "60", "--nproc", "2"}));
  ASSERT_EQ(two.status, kExitDone) << two.err;
  EXPECT_THAT(two.err, HasSubstr("60 answers"));
  for (const char* file : {"predictions.jsonl", "references.jsonl", "scores.json"})
    EXPECT_EQ(content("two", file), content("alone", file)) << file;

  const auto num_lines = [&](const fs::path& file) {
    if (!fs::exists(file)) return std::ptrdiff_t{0};
    const std::string text = read_file(file);
    return std::count(text.begin(), text.end(), '\n');
  };
  const fs::path folder = path("killed/synth-count");
  Child child(words(benchmarks, "killed", {"--limit", "60", "-b", "2", "--nproc", "2"}));
  while (num_lines(folder / "predictions.rank-0001.jsonl") < 4)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const pid_t victim = test::process_of_rank(child.id(), 1);
  ASSERT_GT(victim, 0);
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  EXPECT_EQ(child.finish().status, kExitFailed);
  const auto num_kept =
      num_lines(folder / "predictions.rank-0000.jsonl") + num_lines(folder / "predictions.rank-0001.jsonl");
  EXPECT_GE(num_kept, 4);
  // One process does the rest.
  const Result rest = run_molmo(words(benchmarks, "killed", {"--limit", "60"}));
  ASSERT_EQ(rest.status, kExitDone) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("synth-count: " + std::to_string(60 - num_kept) + " answers"));
  EXPECT_EQ(num_lines(folder / "predictions.jsonl"), 60);
  EXPECT_EQ(content("killed", "scores.json"), content("alone", "scores.json"));
  EXPECT_FALSE(fs::exists(folder / "predictions.rank-0001.jsonl"));
}

TEST_F(EvalVerb, AsksTheJudgeThatIsNamed) {
  http::LoopbackServer server([](const http::IncomingRequest& request, http::Reply& reply_to) {
    if (!request.headers.contains("authorization") || request.headers.at("authorization") != "Bearer k") {
      reply_to.send(http::http_answer(401, "wrong key"));
      return;
    }
    const bool splits = request.body.find("Split") != std::string::npos;
    Json answer;
    answer[splits ? "statements" : "supported"] = Json::array({splits ? Json("one") : Json(true)});
    Json reply;
    reply["choices"][0]["message"]["content"] = dump_json(answer);
    reply_to.send(http::http_answer(200, dump_json(reply)));
  });
  const std::vector<std::string> judge = {"--drawn",         "--limit",       "2", "--judge",
                                          server.url("/v1"), "--judge-model", "j"};
  const Result result = Child(words({"dense_cap"}, "out", judge), {.environment = {{"MOLMO_JUDGE_KEY", "k"}}}).finish();
  ASSERT_EQ(result.status, kExitDone) << result.err;
  const Json scores = read_json_file(path("out/dense_cap/scores.json"));
  EXPECT_EQ(scores["scores"]["f1"], 1);
  EXPECT_EQ(scores["judge"], "j at " + server.url("/v1/chat/completions"));
  EXPECT_EQ(server.num_requests(), 8u);
  const Result wrong =
      Child(words({"dense_cap"}, "other", judge), {.environment = {{"MOLMO_JUDGE_KEY", "x"}}}).finish();
  EXPECT_EQ(wrong.status, kExitFailed);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("status 401: 'wrong key'"), HasSubstr("MOLMO_JUDGE_KEY")));
  EXPECT_EQ(run_molmo(words({"dense_cap"}, "half", {"--drawn", "--judge", server.url("/v1")})).status, kExitUsage);
}

}  // namespace
}  // namespace molmo::cli
