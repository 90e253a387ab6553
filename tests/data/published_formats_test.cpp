// Small formats that published sets use: CSV, Python's lists, numpy's shuffles, headers of pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/file.h"
#include "data/academic.h"
#include "data/csv.h"
#include "data/numpy_shuffle.h"
#include "data/picture_file.h"
#include "data/python_literal.h"
#include "fixtures.h"
#include "image/encode.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Csv, ReadsQuotesAndLineBreaks) {
  const molmo::test::TemporaryFolder folder;
  write_file_atomic(folder.path() / "a.csv", "name,box,n\r\n\"a, \"\"b\"\"\n\",\"[1, 2]\",3\r\n\n,,\n\"\",x,y");
  const auto rows = read_csv(folder.path() / "a.csv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].dump(), R"({"name":"a, \"b\"\n","box":"[1, 2]","n":"3"})");
  EXPECT_EQ(rows[1].dump(), R"({"name":"","box":"","n":""})");
  EXPECT_EQ(rows[2].dump(), R"({"name":"","box":"x","n":"y"})");
}

TEST(Csv, RefusesWhatIsDamaged) {
  const molmo::test::TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& message) {
    write_file_atomic(folder.path() / "a.csv", text);
    EXPECT_THAT([&] { read_csv(folder.path() / "a.csv"); }, ThrowsMessage<Error>(HasSubstr(message))) << text;
  };
  refuses("", "the file is empty");
  refuses("a,b\n1,2\n3\n", "a.csv, row 1: 1 values, but there are 2 columns");
  refuses("a\n\"1", "do not end");
  refuses("a\n\"1\"2", "a comma or the end of the line is missing");
}

TEST(PythonLiteral, ReadsListsOfTexts) {
  EXPECT_THAT(parse_python_texts(R"(['red', "it's", 'a\'b', "x" 'y', 'tab\t\\\x41\u00e9\q',])", "row"),
              ElementsAre("red", "it's", "a'b", "xy", "tab\t\\Aé\\q"));
  EXPECT_TRUE(parse_python_texts(" [] ", "row").empty());
}

TEST(PythonLiteral, RefusesEverythingElse) {
  for (const char* text : {"", "[", "['a'", "['a', 1]", "[1]", "('a')", "['a'] + x", "['\\u12']", "['\\ud800']",
                           "__import__('os')", "['a' b]", "[,]"}) {
    EXPECT_THAT([&] { parse_python_texts(text, "row 3"); }, ThrowsMessage<Error>(HasSubstr("row 3"))) << text;
  }
}

TEST(PythonText, PrintsNumbersAsPythonDoes) {
  const auto print = [](const char* json) { return python_text(parse_json(json, "answer"), "row"); };
  EXPECT_EQ(print("12.0"), "12.0");
  EXPECT_EQ(print("0.1"), "0.1");
  EXPECT_EQ(print("1e-5"), "1e-05");
  EXPECT_EQ(print("1e16"), "1e+16");
  EXPECT_EQ(print("1e22"), "1e+22");
  EXPECT_EQ(print("123456789.125"), "123456789.125");
  EXPECT_EQ(print("-3"), "-3");
  EXPECT_EQ(print("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(print("true"), "True");
  EXPECT_EQ(print("\"007\""), "007");
  EXPECT_THROW(print("[1]"), Error);
}

// Computed with numpy 2.4: RandomState(seed).shuffle(list(range(n))).
TEST(NumpyShuffle, GivesTheOrderOfNumpy) {
  const auto shuffled = [](int n, uint32_t seed) {
    std::vector<int> items(n);
    std::iota(items.begin(), items.end(), 0);
    numpy_shuffle(items, seed);
    return items;
  };
  EXPECT_THAT(shuffled(10, 5961), ElementsAre(9, 0, 1, 3, 4, 8, 5, 7, 2, 6));
  EXPECT_THAT(shuffled(10, 63069), ElementsAre(8, 0, 2, 4, 7, 3, 6, 1, 5, 9));
  const auto weighted_sum = [](const std::vector<int>& items) {
    int64_t sum = 0;
    for (size_t i = 0; i < items.size(); ++i) sum += static_cast<int64_t>(i) * items[i];
    return sum;
  };
  EXPECT_EQ(weighted_sum(shuffled(2000, 5961)), 1997644556);
  EXPECT_EQ(weighted_sum(shuffled(2000, 63069)), 2018173321);
}

TEST(PictureFile, StaysInItsFolder) {
  const molmo::test::TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "in");
  write_file_atomic(folder.path() / "in" / "a.jpg", "a");
  write_file_atomic(folder.path() / "b.jpg", "b");
  EXPECT_EQ(find_picture(folder.path() / "in", "a.jpg", "row 1").file, folder.path() / "in" / "a.jpg");
  for (const std::string& name : {std::string("../b.jpg"), (folder.path() / "b.jpg").string(), std::string(),
                                  std::string("x/../../b.jpg"), std::string("a.jpg\0b", 7)}) {
    EXPECT_THAT([&] { find_picture(folder.path() / "in", name, "row 1"); },
                ThrowsMessage<Error>(HasSubstr("row 1: the picture")))
        << name;
  }
  EXPECT_THAT([&] { find_picture(folder.path() / "in", "c.jpg", "row 1"); },
              ThrowsMessage<Error>(HasSubstr("row 1: its picture")));
}

TEST(PictureFile, ReadsHeaders) {
  const image::Image image = {{3, 5}, std::vector<uint8_t>(45, 100)};
  const std::string png = image::encode_png(image), jpeg = image::encode_jpeg(image);
  EXPECT_EQ(png_size(png, "screen"), (ImageSize{3, 5}));
  EXPECT_FALSE(has_one_channel(png));
  EXPECT_FALSE(has_one_channel(jpeg));
  std::string gray = png, palette = png;
  gray[25] = 0;
  palette[25] = 3;
  EXPECT_TRUE(has_one_channel(gray));
  EXPECT_TRUE(has_one_channel(palette));
  std::string one = jpeg;
  one[one.find("\xFF\xC0") + 9] = 1;
  EXPECT_TRUE(has_one_channel(one));
  for (size_t cut : {0, 1, 7, 20, 25}) {
    EXPECT_THROW(png_size(std::string_view(png).substr(0, cut), "screen"), Error);
    EXPECT_FALSE(has_one_channel(std::string_view(jpeg).substr(0, cut)));
  }
}

}  // namespace
}  // namespace molmo::data
