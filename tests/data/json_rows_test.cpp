#include "data/json_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class JsonRowsTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& text) {
    write_file_atomic(folder_.path() / "rows.json", text);
    return folder_.path() / "rows.json";
  }
  molmo::test::TemporaryFolder folder_;
};

TEST_F(JsonRowsTest, FindsTheElementsOfAnArray) {
  const auto rows = JsonRows::of_array(file("\xEF\xBB\xBF [ {\"a\": \"},]\\\"{\"} , 3, [1, [2]], \"x\", null ]\n"));
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows.row(0)["a"], "},]\"{");
  EXPECT_EQ(rows.row(1), 3);
  EXPECT_EQ(rows.row(2).dump(), "[1,[2]]");
  EXPECT_EQ(rows.row(3), "x");
  EXPECT_TRUE(rows.row(4).is_null());
  EXPECT_THAT(rows.where(2), HasSubstr("rows.json, row 2"));
  EXPECT_EQ(JsonRows::of_array(file("[]")).size(), 0u);
}

TEST_F(JsonRowsTest, FindsAMemberAmongOthers) {
  const auto rows =
      JsonRows::of_array(file(R"({"info": {"data": [9]}, "data": [{"id": 1}, {"id": 2}], "end": 1})"), "data");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.row(1)["id"], 2);
}

TEST_F(JsonRowsTest, NamesTheMembersOfAnObject) {
  const auto rows = JsonRows::of_object(file(R"({"12": {"q": "a"}, "x\n": {"q": "b"}})"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.name(0), "12");
  EXPECT_EQ(rows.name(1), "x\n");
  EXPECT_EQ(rows.row(1)["q"], "b");
}

TEST_F(JsonRowsTest, ReadsLines) {
  const auto rows = JsonRows::of_lines(file("{\"a\": 1}\r\n\n  \n{\"a\": 2}"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.row(1)["a"], 2);
}

TEST_F(JsonRowsTest, GroupsRowsInTheOrderOfTheirFirst) {
  const auto rows =
      JsonRows::of_array(file(R"([{"n": {"k": 0}, "k": 7}, {"k": 3}, {"k" : 7}, {"x": "\"k\": 3", "k": 9}, {"k":3}])"));
  const RowGroups groups(rows, "k");
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups.group(0), ElementsAre(0, 2));
  EXPECT_THAT(groups.group(1), ElementsAre(1, 4));
  EXPECT_THAT(groups.group(2), ElementsAre(3));
}

TEST_F(JsonRowsTest, RefusesWhatIsCutOffOrOfAnotherForm) {
  const auto refuses = [&](const std::string& text, const std::string& key, const std::string& message) {
    const auto path = file(text);
    EXPECT_THAT([&] { JsonRows::of_array(path, key); }, ThrowsMessage<Error>(HasSubstr(message))) << text;
  };
  refuses("", "", "cut off at byte 0");
  refuses("[{\"a\": 1}, ", "", "cut off");
  refuses("[{\"a\": [1}", "", "does not end");
  refuses("[\"abc", "", "does not end");
  refuses("[\"abc\\", "", "does not end");
  refuses("[1 2]", "", "']' expected");
  refuses("[1,]", "", "a value is missing");
  refuses("[1] 2", "", "more after the end");
  refuses("{\"data\": {}}", "data", "'[' expected");
  refuses("{\"rows\": []}", "data", "no list 'data'");
  refuses("{\"data\": [1]", "data", "cut off");
  refuses(std::string(1 << 20, '['), "", "does not end");
  EXPECT_THROW(JsonRows::of_array(folder_.path() / "none.json"), Error);
}

TEST_F(JsonRowsTest, NamesTheRowThatIsWrong) {
  const auto rows = JsonRows::of_array(file(R"([{"a": 1}, {"a": tru}, {"b": 1}])"));
  EXPECT_THAT([&] { rows.row(1); }, ThrowsMessage<Error>(HasSubstr("rows.json, row 1: not valid JSON")));
  EXPECT_THAT([&] { RowGroups(rows, "a"); }, ThrowsMessage<Error>(HasSubstr("row 2: there is no 'a'")));
}

}  // namespace
}  // namespace molmo::data
