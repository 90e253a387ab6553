// Pages and plots: nothing from outside becomes markup, and curves lie where their numbers say.
#include "report/page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "base/error.h"
#include "report/pair_plots.h"
#include "report/plot.h"

namespace molmo::report {
namespace {

TEST(Page, EscapesWhatComesFromOutside) {
  EXPECT_EQ(text("<script>\"&'").code, "&lt;script&gt;&quot;&amp;&#39;");
  EXPECT_EQ(text("caf\xC3\xA9\n\tx").code, "caf\xC3\xA9\n\tx");
  EXPECT_EQ(text(std::string("a\0\x1b\x7f", 4)).code, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  // Overlong, surrogate, beyond the last character, cut off: each damaged byte alone.
  for (const char* bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    std::string expected;
    for (const char* c = bad; *c; ++c) expected += "\xEF\xBF\xBD";
    EXPECT_EQ(text(bad).code, expected);
  }
  Page page("<b>title</b>");
  page.heading("<h>");
  page.paragraph("a < b");
  page.table({"<c>"}, {{text("<d>")}});
  const std::string html = page.html();
  for (const char* raw : {"<b>", "<h>", "a < b", "<c>", "<d>"}) EXPECT_EQ(html.find(raw), std::string::npos) << raw;
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST(Page, EmbedsPicturesOnly) {
  const auto bytes = [](std::string_view content) { return std::as_bytes(std::span(content.data(), content.size())); };
  // Known base64 of "\xff\xd8\xffab".
  EXPECT_EQ(picture(bytes("\xff\xd8\xff"
                          "ab"),
                    "a \"b\"")
                .code,
            "<img alt=\"a &quot;b&quot;\" src=\"data:image/jpeg;base64,/9j/YWI=\">");
  EXPECT_THROW(picture(bytes("<svg onload=alert(1)>"), ""), Error);
  EXPECT_THROW(picture({}, ""), Error);
}

TEST(Plot, PutsTicksAtRoundNumbers) {
  EXPECT_EQ(axis_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(axis_ticks(3, 97, 5), (std::vector<double>{0, 20, 40, 60, 80, 100}));
  EXPECT_EQ(axis_ticks(5, 5, 5), (std::vector<double>{5}));
  EXPECT_EQ(axis_ticks(0, std::nan(""), 5), (std::vector<double>{0}));
  const double next = std::nextafter(3.0, 4.0);  // no number lies between these
  EXPECT_EQ(axis_ticks(3, next, 5), (std::vector<double>{3}));
  EXPECT_FALSE(line_plot({.series = {{"same", {1, 2}, {3, next}}}}).code.empty());
}

std::vector<std::pair<double, double>> path_points(const std::string& svg) {
  const std::regex point(R"re([ML]([\d.]+) ([\d.]+))re");
  std::vector<std::pair<double, double>> points;
  const std::string opening = "<path d=\"";
  const size_t begin = svg.find(opening);
  if (begin == std::string::npos) return points;
  // Not by a pattern: std::regex calls itself for every character of a match, here tens of thousands.
  const std::string data =
      svg.substr(begin + opening.size(), svg.find('"', begin + opening.size()) - begin - opening.size());
  for (std::sregex_iterator i(data.begin(), data.end(), point), end; i != end; ++i)
    points.emplace_back(std::stod((*i)[1]), std::stod((*i)[2]));
  return points;
}

TEST(Plot, DrawsCurvesToScale) {
  const std::string svg =
      line_plot({.x_label = "step", .y_label = "loss", .series = {{"<s>", {0, 50, 100}, {0, 5, 10}}}}).code;
  const auto points = path_points(svg);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_LT(points[0].first, points[1].first);
  EXPECT_GT(points[0].second, points[1].second);  // up is less
  EXPECT_NEAR(points[1].first, (points[0].first + points[2].first) / 2, 0.11);
  EXPECT_NEAR(points[1].second, (points[0].second + points[2].second) / 2, 0.11);
  EXPECT_EQ(svg.find("<s>"), std::string::npos);
}

TEST(Plot, LogarithmsSpaceDecadesEvenly) {
  const auto points = path_points(line_plot({.series = {{"s", {0, 1, 2}, {1, 10, 100}}}, .is_logarithmic = true}).code);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_NEAR(points[1].second, (points[0].second + points[2].second) / 2, 0.11);
}

TEST(Plot, LeavesGapsWhereThereIsNoNumber) {
  const std::string svg = line_plot({.series = {{"s", {0, 1, 2, 3}, {1, NAN, 2, INFINITY}}}}).code;
  EXPECT_EQ(path_points(svg).size(), 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_NE(line_plot({}).code.find("</svg>"), std::string::npos);
  EXPECT_THROW(line_plot({.series = {{"s", {0, 1}, {1}}}}), Error);
}

TEST(Plot, ThinsLongCurvesAndKeepsTheirExtremes) {
  Series series{"s", {}, {}};
  for (int i = 0; i < 100'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 77'777 ? 100 : i % 2);
  }
  const auto points = path_points(line_plot({.series = {series}}).code);
  EXPECT_LT(points.size(), 2000u);
  EXPECT_GT(points.size(), 1000u);
  double top = 1e9;
  for (const auto& [x, y] : points) top = std::min(top, y);
  const auto spike = path_points(line_plot({.series = {{"s", {0, 1, 2}, {0, 100, 0}}}}).code);
  EXPECT_NEAR(top, spike[1].second, 0.11);
}

std::vector<double> attributes(const std::string& svg, const std::string& element, const std::string& name) {
  const std::regex pattern("<" + element + "[^>]* " + name + "=\"([-\\d.]+)\"");
  std::vector<double> values;
  for (std::sregex_iterator i(svg.begin(), svg.end(), pattern), end; i != end; ++i)
    values.push_back(std::stod((*i)[1]));
  return values;
}

TEST(PairPlots, IntervalsAreDrawnToScale) {
  const std::string svg =
      interval_plot({{"<a>", 1100, 1000, 1200}, {"b", 1000, 900, 1100}, {"c", NAN, NAN, NAN}}, "rating").code;
  const auto dots = attributes(svg, "circle", "cx"), begins = attributes(svg, "line", "x1");
  ASSERT_EQ(dots.size(), 2u);
  // The lines of the rows come after those of the grid.
  const double first = begins[begins.size() - 2], second = begins.back();
  EXPECT_NEAR(dots[0] - dots[1], first - second, 0.11);
  EXPECT_NEAR(first, dots[1], 0.11);  // 1000
  EXPECT_EQ(svg.find("<a>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_NE(interval_plot({}, "").code.find("</svg>"), std::string::npos);
  EXPECT_NE(interval_plot({{"x", 5, 5, 5}}, "").code.find("<circle"), std::string::npos);
}

TEST(PairPlots, HeatMapsLeaveEmptyCellsOut) {
  const std::string svg = heat_map({{"a", "b"}, {"a", "b"}, {NAN, 0.75, 0.25, NAN}}, "wins").code;
  EXPECT_EQ(attributes(svg, "rect", "x").size(), 2u);
  EXPECT_NE(svg.find("a / b: 75.0 %"), std::string::npos);
  EXPECT_NE(svg.find(">25<"), std::string::npos);
  EXPECT_THROW(heat_map({{"a"}, {"a", "b"}, {1}}, ""), Error);
  EXPECT_NE(heat_map({}, "").code.find("</svg>"), std::string::npos);
}

TEST(PairPlots, ScatterHasEqualAxes) {
  const std::string svg = scatter_plot({.points = {{0.5, 0.5}, {1, 0}, {NAN, 1}}, .background = {{0, 1}}}).code;
  const auto x = attributes(svg, "circle", "cx"), y = attributes(svg, "circle", "cy");
  ASSERT_EQ(x.size(), 3u);
  EXPECT_NEAR(x[1] - x[0], y[1] - y[0], 0.11);
  EXPECT_NEAR(x[2] - x[1], y[2] - y[1], 0.11);
  EXPECT_NE(scatter_plot({}).code.find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace molmo::report
