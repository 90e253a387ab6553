// Comparisons from files and in the store: what is read, and what is refused with which words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "arena/read_comparisons.h"
#include "arena/store.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "fixtures.h"

namespace molmo::arena {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kHeader = "comparison_id,prompt_id,left_model,right_model,outcome,annotator_id\n";

// What an error says, or "" without one.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_NE(error.category(), ErrorCategory::Internal) << error.what();
    return error.what();
  }
  return "";
}

std::string csv_error(const std::string& text) {
  return error_of([&] { parse_csv_comparisons(text, "c.csv"); });
}

std::string jsonl_error(const std::string& text) {
  return error_of([&] { parse_jsonl_comparisons(text, "c.jsonl"); });
}

void expect_equal(const Comparisons& a, const Comparisons& b) {
  EXPECT_EQ(a.models, b.models);
  EXPECT_EQ(a.prompts, b.prompts);
  EXPECT_EQ(a.annotators, b.annotators);
  EXPECT_EQ(a.ids, b.ids);
  ASSERT_EQ(a.rows.size(), b.rows.size());
  ASSERT_EQ(a.styles.size(), b.styles.size());
  for (size_t i = 0; i < a.rows.size(); ++i) {
    const Comparison &x = a.rows[i], &y = b.rows[i];
    EXPECT_EQ(std::tie(x.left, x.right, x.prompt, x.annotator, x.outcome),
              std::tie(y.left, y.right, y.prompt, y.annotator, y.outcome));
    if (a.styles.empty()) continue;
    const auto same = [](double u, double v) { return u == v || (std::isnan(u) && std::isnan(v)); };
    EXPECT_TRUE(same(a.styles[i].left_length, b.styles[i].left_length) &&
                same(a.styles[i].right_length, b.styles[i].right_length) &&
                same(a.styles[i].left_points, b.styles[i].left_points) &&
                same(a.styles[i].right_points, b.styles[i].right_points));
  }
}

TEST(Comparisons, ReadTheFixture) {
  const Comparisons comparisons = read_comparisons(test::fixture_path("arena/comparisons.csv"));
  EXPECT_EQ(comparisons.models.size(), 27u);
  EXPECT_EQ(comparisons.rows.size(), 5173u);
  EXPECT_EQ(comparisons.annotators.size(), 869u);
  EXPECT_EQ(comparisons.prompts.size(), 4339u);
  EXPECT_TRUE(comparisons.styles.empty());
  const Comparison& second = comparisons.rows[1];  // c000001,img12031,model-12,model-01,both_bad,565
  EXPECT_EQ(comparisons.models[static_cast<size_t>(second.left)], "model-12");
  EXPECT_EQ(comparisons.models[static_cast<size_t>(second.right)], "model-01");
  EXPECT_EQ(second.outcome, Outcome::BothBad);
  EXPECT_EQ(comparisons.annotators[static_cast<size_t>(second.annotator)], "565");
  EXPECT_EQ(comparisons.ids[1], "c000001");
}

TEST(Comparisons, CsvHasQuotesAnyOrderOfColumnsAndOtherColumns) {
  const Comparisons comparisons = parse_csv_comparisons(
      "\xEF\xBB\xBFoutcome,right_model,left_model,note,left_length,right_length\r\n"
      "left,\"b, \"\"the\"\" second\",a,\"two\nlines\",100,50.5\r\n\r\n"
      "unsure,\"c\",a,,,",
      "c.csv");
  EXPECT_THAT(comparisons.models, ElementsAre("a", "b, \"the\" second", "c"));
  ASSERT_EQ(comparisons.rows.size(), 2u);
  EXPECT_EQ(comparisons.rows[0].outcome, Outcome::Left);
  EXPECT_EQ(comparisons.rows[0].prompt, kUnknown);
  EXPECT_EQ(comparisons.styles[0].right_length, 50.5);
  EXPECT_TRUE(std::isnan(comparisons.styles[1].left_length));
}

TEST(Comparisons, JsonLinesSayTheSameAsCsv) {
  const Comparisons csv = parse_csv_comparisons(kHeader.substr(0, kHeader.size() - 1) +
                                                    ",left_length,right_length,left_points,right_points\n"
                                                    "1,p,b,a,left,7,10,20,,\n2,p,a,c,both_good,,,,1,0\n",
                                                "c.csv");
  const Comparisons jsonl = parse_jsonl_comparisons(
      R"({"comparison_id": 1, "prompt_id": "p", "left_model": "b", "right_model": "a", "outcome": "left", )"
      R"("annotator_id": 7, "left_length": 10, "right_length": 20.0, "other": [1]})"
      "\n\n"
      R"({"comparison_id": "2", "prompt_id": "p", "left_model": "a", "right_model": "c", "outcome": "both_good", )"
      R"("annotator_id": null, "left_points": 1, "right_points": 0})"
      "\n",
      "c.jsonl");
  expect_equal(csv, jsonl);
  EXPECT_THAT(csv.models, ElementsAre("a", "b", "c"));
  EXPECT_EQ(csv.styles[0].right_length, 20);
  EXPECT_TRUE(std::isnan(csv.styles[0].left_points));
}

TEST(Comparisons, HostileCsvIsRefusedWithLineAndCure) {
  const std::string good = "1,p,a,b,left,x\n";
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"", {"the file is empty", "names the columns"}},
      {"left_model,right_modell,outcome\na,b,left\n",
       {"c.csv, line 1: there is no column 'right_model'", "left_model, right_modell, outcome",
        "Did you mean 'right_modell'?"}},
      {"left_model,outcome,right_model,outcome\n", {"two columns 'outcome'", "rename or remove"}},
      {kHeader, {"no comparisons"}},
      {kHeader + good + "2,p,a,b,lef,x\n", {"line 3: outcome is 'lef'", "Did you mean 'left'?"}},
      {kHeader + good + "2,p,a,b\n", {"line 3: 4 values", "6 columns"}},
      {kHeader + good + "2,p,a,b,left,x,y\n", {"line 3: 7 values"}},
      {kHeader + good + "2,p,,b,left,x\n", {"line 3: left_model is empty"}},
      {kHeader + good + "2,p,a,a,left,x\n", {"line 3: 'a' is compared with itself"}},
      {kHeader + good + "1,p,a,b,right,x\n", {"line 3: comparison_id '1' occurs a second time", "first in line 2"}},
      {kHeader + good + ",p,a,b,right,x\n", {"line 3: some comparisons have a comparison_id"}},
      {kHeader + "\"q\nq\",p,\"a\nb\",b,right,x\n", {"line 2: left_model has control characters"}},
      {kHeader + good + "\"2,p,a,b,left,x\n3,p,a,b,left,x\n", {"line 3: the quotes that begin here do not end"}},
      {kHeader + good + "2,p,\"a\"b,b,left,x\n", {"line 3: after the quotes"}},
      {kHeader + good + "2,p,a\"b\",b,left,x\n", {"line 3: there are quotes inside a value", "double"}},
      {kHeader + good + "2,p,a,b,left," + std::string(5000, 'y') + "\n", {"line 3: a value has 5000 bytes"}},
      {kHeader + good + "2,p,a,b,left,\"" + std::string(5000, 'y'), {"line 3: a value in quotes", "closing quotes"}},
      {kHeader + good + "2,p," + std::string(2000, 'y') + ",b,left,x\n", {"line 3: left_model has 2000 bytes"}},
      {kHeader + std::string(1000, ','), {"line 2: more than 256 values"}},
      {"left_model,right_model,outcome,left_length\na,b,left,ten\n", {"line 2: left_length is 'ten'", "a number"}},
      {"left_model,right_model,outcome,right_points\na,b,left,-1\n", {"line 2: right_points is '-1'"}},
      {"left_model,right_model,outcome,right_points\na,b,left,inf\n", {"line 2: right_points is 'inf'"}},
  };
  for (const auto& [text, parts] : cases) {
    const std::string error = csv_error(text);
    for (const std::string& part : parts) EXPECT_THAT(error, HasSubstr(part)) << text.substr(0, 200);
    EXPECT_LT(error.size(), 2500u) << text.substr(0, 200);
  }
  std::string many = kHeader;
  for (int i = 0; i < 1002; ++i) many += std::to_string(i) + ",p,m" + std::to_string(i) + ",b,left,x\n";
  EXPECT_THAT(csv_error(many), HasSubstr("more than 1000 different models"));
}

TEST(Comparisons, HostileJsonLinesAreRefusedWithLineAndCure) {
  const std::string good = R"({"left_model": "a", "right_model": "b", "outcome": "left"})";
  EXPECT_EQ(jsonl_error(good + "\n" + good), "");
  EXPECT_THAT(jsonl_error(good + "\n[1]\n"), HasSubstr("line 2: expected one JSON object"));
  EXPECT_THAT(jsonl_error(good + "\n{\"left_model\": \"a\"\n"), HasSubstr("line 2"));
  EXPECT_THAT(jsonl_error(R"({"left_model": "a", "right": "b", "outcome": "left"})"),
              HasSubstr("line 1: there is no 'right_model'"));
  EXPECT_THAT(jsonl_error(R"({"left_model": ["a"], "right_model": "b", "outcome": "left"})"),
              HasSubstr("line 1: left_model is array, expected a text"));
  EXPECT_THAT(jsonl_error(R"({"left_model": 1.5, "right_model": "b", "outcome": "left"})"),
              HasSubstr("left_model is number"));
  EXPECT_THAT(jsonl_error(R"({"left_model": "a", "right_model": "b", "outcome": "left", "left_points": "x"})"),
              HasSubstr("left_points is 'x'"));
  EXPECT_THAT(jsonl_error("\n\n"), HasSubstr("no comparisons"));
}

class Store : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  AddedComparisons add(const std::string& csv) const {
    const Comparisons comparisons = parse_csv_comparisons(csv, "c.csv");
    return ComparisonStore::open_or_create(path("arena.db")).add({&comparisons, 1});
  }
  void run_sql(const std::string& name, const char* sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path(name).c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  test::TemporaryFolder folder_;
};

TEST_F(Store, GivesBackWhatWasAdded) {
  const Comparisons fixture = read_comparisons(test::fixture_path("arena/comparisons.csv"));
  ComparisonStore store = ComparisonStore::open_or_create(path("arena.db"));
  EXPECT_EQ(store.add({&fixture, 1}).num_added, 5173u);
  expect_equal(read_comparisons(path("arena.db")), fixture);
  const AddedComparisons again = store.add({&fixture, 1});
  EXPECT_EQ(again.num_added, 0u);
  EXPECT_EQ(again.num_known, 5173u);
  expect_equal(store.read(), fixture);
}

TEST_F(Store, KeepsStylesAndGrows) {
  const std::string header = "comparison_id,left_model,right_model,outcome,left_length,right_length\n";
  EXPECT_EQ(add(header + "1,a,b,left,1.5,\n").num_added, 1u);
  EXPECT_EQ(add(header + "2,a,c,both_bad,,\n1,a,b,left,1.5,\n").num_known, 1u);
  const Comparisons read = ComparisonStore::open(path("arena.db")).read();
  ASSERT_EQ(read.rows.size(), 2u);
  EXPECT_EQ(read.styles[0].left_length, 1.5);
  EXPECT_TRUE(std::isnan(read.styles[0].right_length));
  EXPECT_EQ(read.rows[1].outcome, Outcome::BothBad);
  EXPECT_EQ(read.rows[0].prompt, kUnknown);
}

TEST_F(Store, StoresAllOrNothing) {
  const Comparisons good = parse_csv_comparisons(kHeader + "1,p,a,b,left,x\n2,p,a,b,left,x\n", "c.csv");
  const Comparisons other = parse_csv_comparisons(kHeader + "3,p,a,b,left,x\n2,p,a,b,right,x\n", "c.csv");
  const std::vector<Comparisons> both = {good, other};
  EXPECT_THAT(error_of([&] { ComparisonStore::open_or_create(path("arena.db")).add(both); }),
              AllOf(HasSubstr("comparison '2' is there already with other values (a over b: left)"),
                    HasSubstr("nothing was stored")));
  EXPECT_FALSE(fs::exists(path("arena.db")));
  ComparisonStore::open_or_create(path("arena.db")).add({&good, 1});
  EXPECT_NE(error_of([&] { ComparisonStore::open_or_create(path("arena.db")).add({&other, 1}); }), "");
  EXPECT_EQ(read_comparisons(path("arena.db")).rows.size(), 2u);
  EXPECT_THAT(error_of([&] { add("left_model,right_model,outcome\na,b,left\n"); }), HasSubstr("without comparison_id"));
}

TEST_F(Store, RefusesWhatIsNone) {
  EXPECT_THAT(error_of([&] { ComparisonStore::open(path("none.db")); }), HasSubstr("no such file"));
  EXPECT_THAT(error_of([&] { read_comparisons(path("none.csv")); }), HasSubstr("none.csv"));
  std::ofstream(path("c.txt")) << "x";
  EXPECT_THAT(error_of([&] { read_comparisons(path("c.txt")); }), HasSubstr(".csv, .jsonl"));
  EXPECT_THAT(error_of([&] { ComparisonStore::open_or_create(path("c.txt")); }), HasSubstr("choose another name"));
  EXPECT_EQ(read_file(path("c.txt")), "x");
  run_sql("other.db", "CREATE TABLE t (x)");
  EXPECT_THAT(error_of([&] { read_comparisons(path("other.db")); }), HasSubstr("without a table 'comparisons'"));
  // A view that never ends.
  run_sql("view.db",
          "CREATE VIEW comparisons AS WITH RECURSIVE r(outcome) AS (SELECT 'left' UNION ALL SELECT outcome FROM r) "
          "SELECT 'a' AS left_model, 'b' AS right_model, outcome FROM r");
  EXPECT_THAT(error_of([&] { read_comparisons(path("view.db")); }), HasSubstr("without a table 'comparisons'"));
  run_sql("loose.db",
          "CREATE TABLE comparisons (left_model, right_model, outcome); INSERT INTO comparisons VALUES "
          "('a', 'b', 'left'), ('a', 'b', 7)");
  EXPECT_THAT(error_of([&] { read_comparisons(path("loose.db")); }), HasSubstr("row 2: outcome is '7'"));
  run_sql("narrow.db", "CREATE TABLE comparisons (left_model, outcome)");
  EXPECT_THAT(error_of([&] { read_comparisons(path("narrow.db")); }), HasSubstr("no column 'right_model'"));
}

TEST_F(Store, DamagedFilesAreReadOrRefused) {
  add(kHeader + "1,p,a,b,left,x\n2,p,b,c,right,y\n3,q,a,c,both_good,x\n");
  const std::string whole = read_file(path("arena.db"));
  RandomStream random(1, "damaged store");
  int num_refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string bytes = whole;
    for (int k = 0; k < 8; ++k) bytes[16 + random.below(bytes.size() - 16)] = static_cast<char>(random.below(256));
    if (i % 4 == 0) bytes.resize(16 + random.below(bytes.size() - 16));
    std::ofstream(path("damaged.db"), std::ios::binary) << bytes;
    num_refused += error_of([&] { read_comparisons(path("damaged.db")); }) != "";
  }
  EXPECT_GT(num_refused, 0);
}

}  // namespace
}  // namespace molmo::arena
