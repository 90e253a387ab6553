// What is shown and counted of a data set, against hand-made data with known answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/check_set.h"
#include "data/convert_set.h"
#include "data/example_page.h"
#include "data/record_file.h"
#include "data/registry.h"
#include "data/statistics.h"
#include "fixtures.h"
#include "image/encode.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Histogram, TellsMeanAndQuantiles) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  for (const uint64_t value : {1, 2, 2, 3, 12}) histogram.add(value);
  EXPECT_EQ(histogram.total(), 5u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 4);
  EXPECT_EQ(histogram.quantile(0.5), 2u);
  EXPECT_EQ(histogram.quantile(0.8), 3u);
  EXPECT_EQ(histogram.quantile(0.95), 12u);
  EXPECT_EQ(histogram.largest(), 12u);
}

class SetPages : public testing::Test {
 protected:
  SetPages() {
    image::write_png({.size = {40, 60}, .pixels = std::vector<uint8_t>(40 * 60 * 3, 180)}, folder_.path() / "a.png");
  }
  std::shared_ptr<const Dataset> open(const std::string& lines) const {
    std::ofstream(folder_.path() / "own.jsonl") << lines;
    return open_dataset({.name = "jsonl", .path = folder_.path() / "own.jsonl"});
  }
  test::TemporaryFolder folder_;
};

TEST_F(SetPages, StatisticsCountWordsTurnsAndPoints) {
  const auto dataset = open(
      R"({"id":"a","image":"a.png","annotations":[{"style":"long_caption","text":"one two  three\nfour"},)"
      R"({"style":"user_qa","messages":["Hello there.","Hi.","Why?","So that is so."]}]})"
      "\n"
      R"({"id":"b","image":"a.png","annotations":[{"style":"pointing","label":"mug","points":[[1,2],[3,4]],"point_scale":100},)"
      R"({"style":"pointing","label":"cup","points":[],"point_scale":100}]})"
      "\nnot json\n");
  const Statistics statistics = collect_statistics(*dataset, {});
  EXPECT_EQ(statistics.num_examples, 2u);
  EXPECT_EQ(statistics.num_unreadable, 1u);
  EXPECT_THAT(statistics.problems, ElementsAre(HasSubstr("own.jsonl, line 3")));
  EXPECT_EQ(statistics.styles.at("long_caption").answer_words.largest(), 4u);
  EXPECT_EQ(statistics.styles.at("user_qa").num_turns, 2u);
  EXPECT_EQ(statistics.styles.at("user_qa").answer_words.total(), 2u);
  EXPECT_EQ(statistics.styles.at("user_qa").question_words.quantile(1), 2u);
  EXPECT_DOUBLE_EQ(statistics.styles.at("pointing").points.mean(), 1);
  EXPECT_EQ(statistics.points.total(), 1u) << "one picture has points";
  EXPECT_EQ(statistics.points.largest(), 2u);
  EXPECT_THAT(statistics_page(statistics).html(),
              testing::AllOf(HasSubstr("Words of a long_caption"), HasSubstr("1 in all")));
}

TEST_F(SetPages, ShowsPointsWhereTheyAre) {
  const auto dataset = open(
      R"({"id":"a","image":"a.png","annotations":[{"style":"pointing","label":"mug","points":[[25,50]],"point_scale":100},)"
      R"({"style":"point_count","label":"cup","points":[[30,10]],"point_scale":null}]})");
  const ShownExample shown = prepare_shown_example(*dataset, 0, {});
  ASSERT_EQ(shown.points.size(), 2u);
  EXPECT_EQ(shown.points[0].position, (PointPx{15, 20}));
  EXPECT_EQ(shown.points[1].position, (PointPx{30, 10}));
  EXPECT_EQ(shown.points[1].label, "cup");
  EXPECT_THAT(shown.conversations[1].messages[1], HasSubstr(R"(x="50.0" y="25.0")"));
  EXPECT_THAT([&] { example_page(*dataset, {.first = 1}); },
              ThrowsMessage<Error>(HasSubstr("example 1 is asked for, but there are 1")));
}

TEST_F(SetPages, ChecksWhatCannotBeUsed) {
  const auto dataset = open(R"({"id":"a","image":"a.png","text":"x"})"
                            "\n"
                            R"({"id":"b","image":"none.png","text":"x"})");
  const RecordCheck check = check_set(*dataset, {});
  EXPECT_EQ(check.num_records, 2u);
  ASSERT_EQ(check.problems.size(), 1u);
  EXPECT_EQ(check.problems[0].number, 1u);
  EXPECT_THAT(check.problems[0].message, HasSubstr("none.png"));
  EXPECT_EQ(check_set(*dataset, {.decode_pictures = false}).num_problems, 0u);
}

TEST_F(SetPages, ConvertsBetweenLinesAndTables) {
  const std::string lines =
      R"({"id":"a","image":"a.png","weight":0.5,"annotations":[{"style":"user_qa","question":"Q","options":["x","y"],"answer_idx":1},)"
      R"({"style":"vqa2","question":"Q","answers":["x","x"]},{"style":"user_qa","messages":["a","b"]},)"
      R"({"style":"point_count","label":"cup","points":[[30.5,10.0]],"point_scale":null}]})"
      "\n"
      R"({"id":"b","image":null,"text":"only words \u00e9"})"
      "\n";
  const auto dataset = open(lines);
  const auto report = convert_set(*dataset, folder_.path() / "own.parquet", {});
  EXPECT_EQ(report.num_records, 2u);
  const auto table = open_dataset({.name = "jsonl", .path = folder_.path() / "own.parquet"});
  convert_set(*table, folder_.path() / "again.jsonl", {});
  convert_set(*dataset, folder_.path() / "first.jsonl", {});
  EXPECT_EQ(read_file(folder_.path() / "again.jsonl"), read_file(folder_.path() / "first.jsonl"));
  EXPECT_THAT(read_file(folder_.path() / "again.jsonl"), HasSubstr(R"("points":[[30.5,10.0]],"point_scale":null)"));
  // A table of another kind is refused with what was expected.
  EXPECT_THAT(
      [] { RecordFile::open(test::fixture_path("parquet/pixmo-cap.parquet")); },
      ThrowsMessage<Error>(HasSubstr("expected the columns id, image, annotations, found: image_url, caption")));
}

TEST_F(SetPages, LeavesOutWhatARecordCannotSay) {
  const auto dataset = open(R"({"id":"a","image":"a.png","text":"x"})"
                            "\n{\n");
  const auto report = convert_set(*dataset, folder_.path() / "out/own.jsonl", {});
  EXPECT_EQ(report.num_records, 1u);
  EXPECT_EQ(report.num_left_out, 1u);
  EXPECT_EQ(read_file(folder_.path() / "out/own.jsonl"),
            R"({"id":"a","image":")" + (folder_.path() / "a.png").string() + "\",\"text\":\"x\"}\n");
}

}  // namespace
}  // namespace molmo::data
