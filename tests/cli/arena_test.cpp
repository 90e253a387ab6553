// molmo arena import, fit and report, as their users run them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "cli/run_here.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::Result;
using testing::AllOf;
using testing::HasSubstr;

class ArenaVerbs : public testing::Test {
 protected:
  Result run(const std::vector<std::string>& arguments) const {
    return test::run_molmo(arguments, {.folder = folder_.path()});
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  const std::string fixture_ = test::fixture_path("arena/comparisons.csv");
  test::TemporaryFolder folder_;
};

TEST_F(ArenaVerbs, FitPrintsTheGoldenNumbers) {
  const Result result = run({"arena", "fit", fixture_, "--json", "--next", "2"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  const Json found = parse_json(result.out, "fit");
  const Json expected = read_json_file(test::fixture_path("arena/expected.json"));
  EXPECT_EQ(found["ranking"], expected["ranking"]);
  EXPECT_EQ(found["counts"], expected["counts"]);
  for (const auto& [model, rating] : expected["ratings_mle"].items())
    EXPECT_NEAR(found["ratings_mle"][model].get<double>(), rating.get<double>(), 0.01) << model;
  EXPECT_EQ(found["bootstrap"]["rounds"], 100);
  EXPECT_EQ(found["next_pairs"].size(), 2u);
  const Result table = run({"arena", "fit", fixture_, "--rounds", "20"});
  EXPECT_THAT(table.out,
              AllOf(HasSubstr("   1  model-18   1114.1  "), HasSubstr("5173 comparisons, 5000 of them rated"),
                    HasSubstr("people rated the same answers")));
  EXPECT_THAT(run({"arena", "fit", fixture_, "--rounds", "0", "--anchor", "model-18", "--rating", "0"}).out,
              HasSubstr("   1  model-18      0.0  -"));
}

TEST_F(ArenaVerbs, ImportCountsNothingTwice) {
  std::ofstream(path("more.jsonl"))
      << R"({"comparison_id": "x1", "left_model": "model-00", "right_model": "new", "outcome": "left"})"
      << "\n";
  const Result first = run({"arena", "import", fixture_, "more.jsonl", "-o", "arena.db"});
  ASSERT_EQ(first.status, kExitDone) << first.err;
  EXPECT_EQ(first.out, "arena.db: 5174 comparisons added, 0 were there\n");
  EXPECT_EQ(run({"arena", "import", fixture_, "-o", "arena.db", "--json"}).out, "{\"added\":0,\"known\":5173}\n");
  const Result fit = run({"arena", "fit", "arena.db", "--rounds", "10"});
  EXPECT_EQ(fit.status, kExitDone);
  EXPECT_THAT(fit.out, HasSubstr("  28  new "));
  EXPECT_THAT(fit.err, HasSubstr("Never won or tied against any other model: new."));
}

TEST_F(ArenaVerbs, ReportWritesAPage) {
  const Result result = run({"arena", "report", fixture_, "-o", "page.html", "--rounds", "10"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(result.out, "page.html\n");
  EXPECT_THAT(read_file(path("page.html")), AllOf(HasSubstr("model-18"), HasSubstr("<svg"), HasSubstr("</html>")));
}

TEST_F(ArenaVerbs, SayWhatIsWrong) {
  std::ofstream(path("bad.csv")) << "left_model,right_model,outcome\na,b,left\na,b,won\n";
  const Result bad = run({"arena", "import", fixture_, "bad.csv", "-o", "arena.db"});
  EXPECT_EQ(bad.status, kExitFailed);
  EXPECT_THAT(bad.err, HasSubstr("bad.csv, line 3: outcome is 'won', expected left, right"));
  EXPECT_FALSE(fs::exists(path("arena.db")));
  EXPECT_THAT(run_here({"arena", "fit", fixture_, "--anchor", "model-1"}).err, HasSubstr("none of the 27 models"));
  EXPECT_THAT(run_here({"arena", "fit", fixture_, "--style", "length"}).err, HasSubstr("left_length, right_length"));
  EXPECT_THAT(run_here({"arena", "fit", fixture_, "--style", "lenght"}).err, HasSubstr("Did you mean 'length'?"));
  EXPECT_EQ(run_here({"arena", "fit", fixture_, "--rounds", "-1"}).status, kExitUsage);
  EXPECT_EQ(run_here({"arena", "import", fixture_}).status, kExitUsage);
}

}  // namespace
}  // namespace molmo::cli
