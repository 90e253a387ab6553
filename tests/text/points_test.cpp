#include "text/points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace molmo::text {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "x,y label|alt" for each point.
std::vector<std::string> parsed(std::string_view answer) {
  std::vector<std::string> out;
  for (const LabelledPoint& point : parse_points(answer)) {
    std::ostringstream line;
    line << point.at.x << "," << point.at.y << " " << point.label << "|" << point.alt;
    out.push_back(line.str());
  }
  return out;
}

TEST(ParsePoints, GivesEachPointTheLabelOfItsTag) {
  EXPECT_THAT(
      parsed(
          R"(A <point x="1.5" y="2.0" alt="red cup">cup</point>, <points x1="3.0" y1="4.0" x2="5.0" y2="6.0" alt="cats">two cats</points>.)"),
      ElementsAre("1.5,2 cup|red cup", "3,4 two cats|cats", "5,6 two cats|cats"));
}

TEST(ParsePoints, GivesNoLabelToUntaggedSpellings) {
  EXPECT_THAT(parsed("(1.5, 2.0) and x=\"3\" y=\"4\""), ElementsAre("1.5,2 |", "3,4 |"));
}

TEST(ParsePoints, ReadsTheTenthsSpellingWithItsLabel) {
  EXPECT_THAT(parsed("<points 1=105,200 2=999,000 alt=\"a\">b</points>"), ElementsAre("10.5,20 b|a", "99.9,0 b|a"));
}

TEST(ParsePoints, LabelsATagThatWasCutOff) {
  EXPECT_THAT(parsed("<point x=\"1.0\" y=\"2.0\" alt=\"cat\">white c"), ElementsAre("1,2 white c|cat"));
  EXPECT_THAT(parsed("<point x=\"1.0\" y=\"2.0\" al"), ElementsAre("1,2 |"));
}

TEST(ParsePoints, AcceptsQuotesAndBracketsInAlt) {
  EXPECT_THAT(parsed("<point x=\"1.0\" y=\"2.0\" alt=\"say \"hi\"\">q</point>"), ElementsAre("1,2 q|say \"hi\""));
  EXPECT_THAT(parsed("<point x=\"1.0\" y=\"2.0\" alt=\"a > b\">q</point>"), ElementsAre("1,2 q|a > b"));
}

TEST(ParsePoints, CountsDigitsOfOtherScriptsLikePython) {
  EXPECT_THAT(parsed("x\u0663=\"1\"\u2003y=\"2\""), ElementsAre("1,2 |"));  // \d and \s are Unicode, [0-9] is not
  EXPECT_THAT(parsed("x=\"\u0661\" y=\"2\""), IsEmpty());
  EXPECT_THAT(parsed("\u0663=123,456"), ElementsAre("12.3,45.6 |"));
}

TEST(ParsePoints, DropsNumbersThatNoDoubleHolds) {
  const std::string huge(400, '9'), tiny = "0." + std::string(400, '0') + "1";
  EXPECT_THAT(parsed("x=\"" + huge + "\" y=\"1\""), IsEmpty());
  EXPECT_THAT(parsed("x=\"" + tiny + "\" y=\"1\""), ElementsAre("0,1 |"));
}

TEST(ParsePoints, TakesTextThatIsNoUtf8) {
  EXPECT_THAT(parsed("\xFF\xC3 x=\"1\" y=\"2\" \xE2\x82"), ElementsAre("1,2 |"));
  EXPECT_THAT(parsed("x=\"\xFF"
                     "1\" y=\"2\""),
              IsEmpty());
}

// Each of these took quadratic time in a first version or would with a naive search; a megabyte must pass at once.
TEST(ParsePoints, StaysLinearOnLongRuns) {
  const size_t size = 1 << 20;
  std::string open_tags, parentheses(size, '('), digits(size, '7'), spaces = "p" + std::string(size, ' ');
  while (open_tags.size() < size) open_tags += "<point ";
  for (const std::string& text : {open_tags, parentheses, digits, spaces}) EXPECT_THAT(parse_points(text), IsEmpty());
  EXPECT_EQ(strip_point_tags(open_tags), open_tags);
}

TEST(StripPointTags, LeavesTheTextInside) {
  EXPECT_EQ(
      strip_point_tags(
          R"(Counting the <points x1="3.0" y1="4.0" x2="5.0" y2="6.0" alt="cats">two cats</points> shows a total of 2.)"),
      "Counting the two cats shows a total of 2.");
  EXPECT_EQ(strip_point_tags("<point x=\"1.0\" y=\"2.0\" alt=\"cat\">white c"), "white c");
  EXPECT_EQ(strip_point_tags("1 < 2 > 0, <pointer>x</pointer>"), "1 < 2 > 0, <pointer>x</pointer>");
  EXPECT_EQ(strip_point_tags(""), "");
}

TEST(PointText, PrintsNoPointsAsAnEmptyList) {
  EXPECT_EQ(point_text({}, 100.0, "a", "b"), "<points alt=\"b\">a</points>");
}

TEST(PointText, IsReadBackByParsePoints) {
  const std::vector<std::array<double, 2>> points = {{50, 25}, {12.34, 99.96}};
  EXPECT_THAT(parsed(point_text(points, 100.0, "label", "alt")), ElementsAre("12.3,100 label|alt", "50,25 label|alt"));
}

}  // namespace
}  // namespace molmo::text
