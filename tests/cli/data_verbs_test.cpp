// molmo data list, info, show, stats, check and convert, as their users run them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "child.h"
#include "cli/program.h"
#include "cli/run_here.h"
#include "data/pixmo.h"
#include "data/registry.h"
#include "fixtures.h"
#include "image/encode.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;
using test::Result;
using test::run_molmo;
using testing::AllOf;
using testing::HasSubstr;

class DataVerbs : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  Result run(const std::vector<std::string>& arguments) const {
    return run_molmo(arguments, {.folder = folder_.path()});
  }

  // Own data: two good pictures with three conversations.
  void write_own() const {
    fs::create_directories(path("photos"));
    for (const char* name : {"photos/a.png", "photos/b.png"})
      image::write_png({.size = {40, 60}, .pixels = std::vector<uint8_t>(40 * 60 * 3, 180)}, path(name));
    std::ofstream(path("own.jsonl"))
        << R"({"id":"a","image":"photos/a.png","annotations":[{"style":"user_qa","question":"What is <this>?","answer":"A & B."},)"
        << R"({"style":"pointing","label":"mug","points":[[25.0,50.0],[75.0,10.0]],"point_scale":100.0}]})"
        << "\n"
        << R"({"id":"b","image":"photos/b.png","weight":0.5,"annotations":[{"style":"point_count","label":"cup","points":[[12.0,20.0]],"point_scale":null}]})"
        << "\n"
        << R"({"id":"c","image":null,"text":"Words alone."})"
        << "\n";
  }

  // A set of PixMo with the pictures that were downloaded.
  void write_points() const {
    fs::create_directories(path("pixmo-points/images"));
    fs::copy(test::fixture_path("parquet/pixmo-points.parquet"), path("pixmo-points/train-00000-of-00001.parquet"));
    for (const char* name : {"harbor.png", "kitchen.png", "market.png"}) {
      fs::copy(test::fixture_path(std::string("parquet/images/") + name),
               path("pixmo-points/images/" + data::url_file_name(std::string("http://127.0.0.1:PORT/images/") + name)));
    }
  }

  test::TemporaryFolder folder_;
};

TEST_F(DataVerbs, ListNamesEverySet) {
  const Result result = run({"data", "list"});
  EXPECT_EQ(result.status, kExitDone);
  const Result json = run({"data", "list", "--json"});
  EXPECT_EQ(parse_json(json.out, "list").size(), data::dataset_entries().size());
  for (const auto& entry : data::dataset_entries()) {
    EXPECT_THAT(result.out, HasSubstr(std::string(entry.name) + " ")) << entry.name;
    EXPECT_FALSE(entry.splits.empty()) << entry.name;
    EXPECT_FALSE(entry.styles.empty()) << entry.name;
    const Result info = run_here({"data", "info", std::string(entry.name)});
    EXPECT_EQ(info.status, kExitDone) << info.err;
    EXPECT_THAT(info.out, HasSubstr("licence: ")) << entry.name;
  }
}

TEST_F(DataVerbs, InfoTellsColumnsPromptsAndWhatIsThere) {
  write_points();
  const Result result = run({"data", "info", "pixmo_points", "--from", "pixmo-points"});
  EXPECT_THAT(result.out, AllOf(HasSubstr("hub:allenai/pixmo-points"), HasSubstr("ODC-BY-1.0"),
                                HasSubstr("list<item: struct<x: double, y: double>>"), HasSubstr("User: "),
                                HasSubstr("ways of asking"), HasSubstr("3 examples")));
  EXPECT_EQ(parse_json(run({"data", "info", "pixmo_points", "--from", "pixmo-points", "--json"}).out,
                       "info")["found"]["train"]["examples"],
            3);
  EXPECT_THAT(run({"data", "info", "pixmo_point"}).err, HasSubstr("Did you mean 'pixmo_points'?"));
}

TEST_F(DataVerbs, ShowWritesAPageThatStandsAlone) {
  write_own();
  const Result result = run({"data", "show", "own.jsonl", "-o", "own.html"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  const std::string page = read_file(path("own.html"));
  EXPECT_THAT(page, AllOf(HasSubstr("What is &lt;this&gt;?"), HasSubstr("A &amp; B."), HasSubstr("2 points"),
                          HasSubstr("data:image/jpeg;base64,"), HasSubstr("&lt;points x1=&quot;25.0&quot;"),
                          HasSubstr("Words alone.")));
  EXPECT_THAT(page, HasSubstr("x=&quot;20.0&quot; y=&quot;50.0&quot;")) << "12 of 60 and 20 of 40 pixels";
  run({"data", "show", "own.jsonl", "-o", "again.html"});
  EXPECT_EQ(read_file(path("again.html")), page);
  write_points();
  ASSERT_EQ(run({"data", "show", "pixmo_points", "--from", "pixmo-points", "-n", "2", "--random"}).status, kExitDone);
  EXPECT_THAT(read_file(path("show.html")), HasSubstr("Counting the &lt;point"));
  EXPECT_THAT(run({"data", "show", "pixmo_points", "--from", "pixmo-points", "--first", "99"}).err,
              HasSubstr("example 99 is asked for, but there are 3"));
  EXPECT_EQ(run({"data", "show", "pixmo_points"}).status, kExitUsage);
}

TEST_F(DataVerbs, StatsCountsWordsAndPoints) {
  write_points();
  const Json stats = parse_json(run({"data", "stats", "pixmo_points", "--from", "pixmo-points", "--option",
                                     "hold_out=none", "--json", "-o", "stats.html"})
                                    .out,
                                "stats");
  EXPECT_EQ(stats["examples"], 3);
  EXPECT_EQ(stats["pictures"], 3);
  EXPECT_EQ(stats["points_per_example"]["count"], 3);
  EXPECT_EQ(stats["points_per_example"]["largest"], 17);  // kitchen: 5 and 12
  EXPECT_EQ(stats["styles"]["point_count"]["points"]["largest"], 12);
  EXPECT_THAT(read_file(path("stats.html")), AllOf(HasSubstr("Points of a picture"), HasSubstr("<svg")));
  write_own();
  const Result text = run({"data", "stats", "own.jsonl"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("3 examples, 2 pictures"), HasSubstr("user_qa, words answered")));
}

TEST_F(DataVerbs, CheckSaysWhatIsWrongAndWhere) {
  write_own();
  EXPECT_EQ(run({"data", "check", "own.jsonl"}).status, kExitDone);
  std::ofstream(path("own.jsonl"), std::ios::app)
      << R"({"id":"d","image":"photos/a.png","annotations":[{"style":"pointing","label":"x","points":[[1,2]]}]})"
      << "\n"
      << R"({"id":"a","image":"photos/missing.png","annotatons":[]})"
      << "\n";
  const Result result = run({"data", "check", "own.jsonl"});
  EXPECT_EQ(result.status, kExitFailed);
  EXPECT_THAT(result.out, AllOf(HasSubstr("own.jsonl, line 4, annotation 1: 'point_scale' is missing: write 100"),
                                HasSubstr("line 5: unknown key 'annotatons'. Did you mean 'annotations'?"),
                                HasSubstr("5 records, 2 with problems")));
  EXPECT_EQ(parse_json(run({"data", "check", "own.jsonl", "--json"}).out, "check")["problems"], 2);
}

TEST_F(DataVerbs, CheckNamesBrokenPicturesOfAPublishedSet) {
  write_points();
  EXPECT_EQ(run({"data", "check", "pixmo_points", "--from", "pixmo-points"}).status, kExitDone);
  std::ofstream(path("pixmo-points/images/" + data::url_file_name("http://127.0.0.1:PORT/images/kitchen.png")))
      << "404 Not Found";
  const Result result = run({"data", "check", "pixmo_points", "--from", "pixmo-points"});
  EXPECT_EQ(result.status, kExitFailed);
  EXPECT_THAT(result.out, HasSubstr("3 records, 1 with problems"));
}

TEST_F(DataVerbs, ConvertGoesToParquetAndBack) {
  write_own();
  ASSERT_EQ(run({"data", "convert", "own.jsonl", "-o", "tables/own.parquet"}).status, kExitDone);
  EXPECT_EQ(run({"data", "check", "tables/own.parquet"}).status, kExitDone);
  ASSERT_EQ(run({"data", "convert", "tables/own.parquet", "-o", "again.jsonl"}).status, kExitDone);
  EXPECT_EQ(read_file(path("again.jsonl")), read_file(path("own.jsonl")));
  EXPECT_THAT(run({"data", "convert", "own.jsonl", "-o", "own.csv"}).err, HasSubstr("expected .jsonl or .parquet"));
}

TEST_F(DataVerbs, ConvertWritesPicturesThatATableCarries) {
  fs::create_directories(path("pixmo-docs"));
  fs::copy(test::fixture_path("parquet/pixmo-docs-charts.parquet"), path("pixmo-docs/train.parquet"));
  const Result result =
      run({"data", "convert", "pixmo_docs_charts", "--from", "pixmo-docs", "-o", "charts/charts.jsonl"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  EXPECT_THAT(result.out, HasSubstr("6 records, "));
  EXPECT_EQ(run({"data", "check", "charts/charts.jsonl"}).status, kExitDone);
  EXPECT_THAT(read_file(path("charts/charts.jsonl")), HasSubstr(R"("image":"images/)"));
}

}  // namespace
}  // namespace molmo::cli
