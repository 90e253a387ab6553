// Figures that other programs draw: what they were told, and what the truth says about the pixels. Where a program is
// not installed, what is said about that.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/temporary_folder.h"
#include "synth/chromium.h"
#include "synth/generator.h"
#include "synth/gnuplot.h"
#include "synth/graphviz.h"

namespace molmo::synth {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::string kHostile = "a \"b\" 'c' \\n \\N \\\\ `touch x` $(x) <b> &lt; & {d|e} 50% %s @f ^g_h [i] é\nline; # j";

SynthSample draw_with(Renderer renderer, const std::string& figure, uint64_t index,
                      Difficulty difficulty = Difficulty::Medium) {
  SynthOptions options;
  options.size = 320;
  options.vary_aspect = true;
  options.difficulty = difficulty;
  options.questions = 60;
  options.renderers = {renderer};
  if (!figure.empty()) options.figures = {figure};
  return make_sample(find_generator("docs"), options, index);
}

// Checks what is said where the program is missing.
bool is_installed(Renderer renderer) {
  const bool is_found =
      renderer == Renderer::Graphviz ? find_program({"dot"}).has_value()
      : renderer == Renderer::Gnuplot
          ? find_program({"gnuplot"}).has_value()
          : find_program({"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}).has_value();
  if (is_found) return true;
  const std::string program = renderer == Renderer::Graphviz ? "dot" : std::string(enum_name(renderer));
  EXPECT_THAT([&] { draw_with(renderer, "", 0); },
              ThrowsMessage<Error>(AllOf(HasSubstr("needs the program '" + program + "'"), HasSubstr("install"),
                                         HasSubstr("renderers"))));
  return false;
}

Color color_at(const image::Image& picture, double x, double y) {
  const auto at = 3 * static_cast<size_t>(static_cast<int64_t>(y) * picture.size.width + static_cast<int64_t>(x));
  const auto channel = [&](size_t c) { return picture.pixels.at(at + c) / 255.0; };
  return {channel(0), channel(1), channel(2)};
}

TEST(Renderers, SayWhatIsMissing) {
  const std::string before = ::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  EXPECT_FALSE(is_installed(Renderer::Graphviz));
  EXPECT_FALSE(is_installed(Renderer::Gnuplot));
  EXPECT_FALSE(is_installed(Renderer::Chromium));
  ::setenv("PATH", before.c_str(), 1);
}

TEST(Renderers, RefuseWhatTheyCannotDo) {
  SynthOptions options;
  options.renderers = {};
  EXPECT_THAT([&] { options.validate(); }, ThrowsMessage<Error>(HasSubstr("renderers is empty")));
  options.renderers = {Renderer::Page, Renderer::Gnuplot};
  options.validate();
  options.question_forms = {"read"};
  EXPECT_THAT([&] { options.validate(); }, ThrowsMessage<Error>(HasSubstr("which gnuplot does not tell")));
  options.question_forms = {};
  options.labels = LabelMap::Characters;
  EXPECT_THAT([&] { options.validate(); }, ThrowsMessage<Error>(HasSubstr("which gnuplot does not tell")));
  EXPECT_THAT([] { draw_with(Renderer::Graphviz, "pie", 0); }, ThrowsMessage<Error>(HasSubstr("flow_chart, tree")));
}

TEST(Renderers, DotShowsTextsAsTheyAre) {
  const auto dot = find_program({"dot"});
  if (!dot) {
    is_installed(Renderer::Graphviz);
    EXPECT_EQ(dot_label("a\"\\\n&"), "\"a\\\"\\\\\\n&amp;\"");
    return;
  }
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "a.dot", "digraph { n0 [shape=box label=" + dot_label(kHostile) + "]; }\n");
  const Json layout = parse_json(run_program(*dot, {"-Tjson", (folder.path() / "a.dot").string()}), "dot");
  std::string shown;
  for (const Json& step : layout.at("objects").at(0).at("_ldraw_")) {
    if (step["op"] == "T") shown += (shown.empty() ? "" : "\n") + step["text"].get<std::string>();
  }
  EXPECT_EQ(shown, kHostile);
}

TEST(Renderers, GnuplotShowsTextsAsTheyAre) {
  const auto gnuplot = find_program({"gnuplot"});
  if (!gnuplot) {
    is_installed(Renderer::Gnuplot);
    EXPECT_EQ(gnuplot_text("a'\n`b`"), "('a'''.\"\\n\".'`b`')");
    return;
  }
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "a.gp", "set print '-'\nprint " + gnuplot_text(kHostile) + "\n");
  EXPECT_EQ(run_program(*gnuplot, {"-d", (folder.path() / "a.gp").string()}), kHostile + "\n");
}

TEST(Renderers, DrawTheSameTwiceAndFillThePicture) {
  for (const Renderer renderer : {Renderer::Graphviz, Renderer::Gnuplot}) {
    if (!is_installed(renderer)) continue;
    std::set<std::vector<uint8_t>> pictures;
    for (uint64_t index = 0; index < 5; ++index) {
      const SynthSample sample = draw_with(renderer, "", index), again = draw_with(renderer, "", index);
      const ImageSize size = sample.picture.size;
      EXPECT_EQ(std::max(size.width, size.height), 320);
      EXPECT_EQ(sample.picture.pixels.size(), static_cast<size_t>(3 * size.width * size.height));
      EXPECT_EQ(sample.truth->at("width"), size.width);
      EXPECT_EQ(sample.picture.pixels, again.picture.pixels);
      EXPECT_EQ(*sample.truth, *again.truth);
      EXPECT_EQ(sample.truth->at("renderer"), std::string(enum_name(renderer)));
      EXPECT_GE(sample.text.annotations.size(), 3u);
      int64_t num_inked = 0;
      for (int64_t y = 0; y < size.height; ++y) {
        for (int64_t x = 0; x < size.width; ++x) {
          num_inked += distance(color_at(sample.picture, static_cast<double>(x), static_cast<double>(y)),
                                color_at(sample.picture, 0, 0)) > 0.02;
        }
      }
      EXPECT_GT(num_inked * 50, size.width * size.height);
      pictures.insert(sample.picture.pixels);
    }
    EXPECT_EQ(pictures.size(), 5u);
  }
}

// A node reaches from the top to the bottom of its box and no further; texts are written in their boxes.
TEST(Renderers, GraphvizNodesAreInTheirBoxes) {
  if (!is_installed(Renderer::Graphviz)) return;
  int num_free = 0, num_nodes = 0;
  for (const char* figure : {"flow_chart", "tree"}) {
    for (uint64_t index = 0; index < 8; ++index) {
      const SynthSample sample = draw_with(Renderer::Graphviz, figure, index);
      const Color paper = color_at(sample.picture, 0, 0);
      const auto is_paper = [&](double x, double y) { return distance(color_at(sample.picture, x, y), paper) < 0.01; };
      for (const Json& node : sample.truth->at("nodes")) {
        const auto box = node.at("box").get<std::vector<double>>();
        const double middle = (box[0] + box[2]) / 2, center = (box[1] + box[3]) / 2;
        for (double y = box[1] + 1; y < box[3] - 1; ++y) EXPECT_FALSE(is_paper(middle, y)) << node << " " << y;
        // Beyond the outline there is paper, but where an edge or its arrow comes in.
        for (const auto& [x, y] : {std::pair{middle, box[1] - 4}, {middle, box[3] + 4}, {box[2] + 5, center}})
          num_free += is_paper(x, y);
        ++num_nodes;
      }
      ASSERT_GE(sample.truth->at("texts").size(), sample.truth->at("nodes").size());
      for (const Json& text : sample.truth->at("texts")) {
        const auto box = text.at("box").get<std::vector<double>>();
        double most = 0;
        for (double y = box[1]; y < box[3]; ++y) {
          for (double x = box[0]; x < box[2]; ++x)
            most = std::max(most,
                            distance(color_at(sample.picture, x, y), color_at(sample.picture, box[0] - 2, box[1] - 1)));
        }
        EXPECT_GT(most, 0.15) << text;
      }
    }
  }
  EXPECT_GT(num_free, num_nodes);  // two of three are free in a row of steps
}

// Answers follow from the edges of the truth.
TEST(Renderers, GraphvizAnswersFollowFromTheEdges) {
  if (!is_installed(Renderer::Graphviz)) return;
  int num_asked = 0;
  for (uint64_t index = 0; index < 8; ++index) {
    for (const char* figure : {"flow_chart", "tree"}) {
      const SynthSample sample = draw_with(Renderer::Graphviz, figure, index);
      std::map<std::string, std::string> expected;
      std::map<std::string, int> reports;
      for (const Json& edge : sample.truth->at("edges")) {
        const std::string from = edge.at("from"), to = edge.at("to"), label = edge.at("label");
        expected["Who is above " + to + "?"] = from;
        ++reports[from];
        if (label.empty()) {
          expected["What comes after " + from + "?"] = to;
          expected["What comes before " + to + "?"] = from;
        } else {
          expected["What comes after \"" + from + "\" if the answer is " + label + "?"] = to;
        }
      }
      for (const auto& [name, count] : reports)
        expected["How many people report to " + name + "?"] = std::to_string(count);
      expected["How many boxes are there?"] = std::to_string(sample.truth->at("nodes").size());
      for (const text::Annotation& annotation : sample.text.annotations) {
        const auto found = expected.find(*annotation.question);
        if (found == expected.end()) continue;
        EXPECT_EQ(*annotation.answer, found->second) << *annotation.question;
        ++num_asked;
      }
    }
  }
  EXPECT_GT(num_asked, 80);
}

// How far the colour of a bar reaches from its foot gives its value by the axis.
TEST(Renderers, GnuplotBarsAreAsHighAsTheirValues) {
  if (!is_installed(Renderer::Gnuplot)) return;
  int num_bars = 0;
  for (const char* figure : {"bar", "grouped_bar"}) {
    for (uint64_t index = 0; index < 8; ++index) {
      const SynthSample sample = draw_with(Renderer::Gnuplot, figure, index);
      const Json &truth = *sample.truth, &axis = truth.at("axis");
      const double from = axis.at("from"), to = axis.at("to"), top = axis.at("top");
      std::vector<double> values;  // category by category
      for (size_t i = 0; i < truth.at("categories").size(); ++i) {
        for (const Json& series : truth.at("series")) values.push_back(series.at("values")[i]);
      }
      ASSERT_EQ(truth.at("bars").size(), values.size());
      for (size_t i = 0; i < values.size(); ++i) {
        const Json& bar = truth.at("bars")[i];
        const double middle = (bar.at("box")[0].get<double>() + bar.at("box")[2].get<double>()) / 2;
        const auto is_bar = [&](double y) {
          return distance(color_at(sample.picture, middle, y), typical(bar.at("color").get<std::string>())) < 0.04;
        };
        double at = from - 3;  // past the axis
        if ((from - to) * values[i] / top < 6) continue;
        ASSERT_TRUE(is_bar(at)) << figure << " " << index << " bar " << i;
        while (is_bar(at)) --at;
        EXPECT_NEAR((from - at) / (from - to) * top, values[i], 3 * top / (from - to)) << figure << " " << index;
        ++num_bars;
      }
    }
  }
  EXPECT_GT(num_bars, 80);
}

// Where the truth says that a line has a point there is its colour.
TEST(Renderers, GnuplotLinesGoThroughTheirPoints) {
  if (!is_installed(Renderer::Gnuplot)) return;
  for (uint64_t index = 0; index < 8; ++index) {
    const SynthSample sample = draw_with(Renderer::Gnuplot, "line", index);
    const Json& last = sample.truth->at("series").back();  // nothing is drawn over it
    int num_points = 0;
    for (const Json& mark : sample.truth->at("marks")) {
      if (mark.at("series") != last.at("name")) continue;
      EXPECT_LT(
          distance(color_at(sample.picture, mark.at("x"), mark.at("y")), typical(last.at("color").get<std::string>())),
          0.05)
          << index << " " << mark;
      ++num_points;
    }
    EXPECT_EQ(num_points, std::ssize(last.at("values")));
  }
}

// Each text has ink from its left to its right end, down to its baseline, and less below it.
void expect_texts_on_ink(const SynthSample& sample) {
  for (const Json& text : sample.truth->at("texts")) {
    const auto box = text.at("box").get<std::vector<double>>();
    const Color paper = color_at(sample.picture, box[0] - 2, box[1] - 1);
    const auto count_ink = [&](double left, double top, double right, double bottom) {
      int64_t count = 0;
      for (double y = top; y < bottom; ++y) {
        for (double x = left; x < right; ++x) count += distance(color_at(sample.picture, x, y), paper) > 0.2;
      }
      return count;
    };
    const double third = (box[2] - box[0]) / 3, base = std::round(box[3]);
    EXPECT_GT(count_ink(box[0], box[1], box[0] + third, base), 2) << text;
    EXPECT_GT(count_ink(box[2] - third, box[1], box[2], base), 2) << text;
    EXPECT_GT(count_ink(box[0], base - 1, box[2], base), count_ink(box[0], base + 1, box[2], base + 2)) << text;
  }
}

void expect_answers(const SynthSample& sample, const std::map<std::string, std::string>& expected, size_t least) {
  size_t num_asked = 0;
  for (const text::Annotation& annotation : sample.text.annotations) {
    const auto found = expected.find(*annotation.question);
    if (found == expected.end()) continue;
    EXPECT_EQ(*annotation.answer, found->second) << *annotation.question;
    ++num_asked;
  }
  EXPECT_GE(num_asked, least);
}

TEST(Renderers, ChromiumShowsTextsAsTheyAre) {
  EXPECT_EQ(html_text("<a b=\"c\" d='e'>&amp;"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
  if (!is_installed(Renderer::Chromium)) return;
  const std::vector<std::string> texts = {kHostile,
                                          "</script><script>document.body.remove()</script>",
                                          "{{x}} ${y} --> ]]>",
                                          "id=\"texts\">[]</script>",
                                          "<!-- </style> <span>",
                                          "&lt;&#60;&"};
  HtmlPage page{.size = {200, 300}, .style = "main { color: #000; background: #fff; }", .main = {}, .margin = 12};
  for (const std::string& text : texts)
    page.main += "<h1 title=\"" + html_text(text) + "\">" + html_span(text) + "</h1>";
  const HtmlPicture shown = render_html(page);
  EXPECT_EQ(shown.picture.size, page.size);
  ASSERT_EQ(shown.texts.size(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(shown.texts[i].text, texts[i]);
    EXPECT_TRUE(shown.texts[i].is_bold);
    EXPECT_LT(shown.texts[i].size, 32);  // two times the font of the body, which is reduced for the longest
    EXPECT_GT(shown.texts[i].left, 11);
    EXPECT_LT(shown.texts[i].left + shown.texts[i].width, 289);
  }
}

// The same twice, texts on their ink and nothing inked outside of them, answers from the truth. Few: each start of the
// browser takes a second or two.
TEST(Renderers, ChromiumTablesSayWhatTheTruthSays) {
  if (!is_installed(Renderer::Chromium)) return;
  for (uint64_t index = 0; index < 3; ++index) {
    const SynthSample sample = draw_with(Renderer::Chromium, "table", index);
    const Json& truth = *sample.truth;
    EXPECT_EQ(truth.at("renderer"), "chromium");
    if (index == 0) {
      const SynthSample again = draw_with(Renderer::Chromium, "table", index);
      EXPECT_EQ(sample.picture.pixels, again.picture.pixels);
      EXPECT_EQ(truth, *again.truth);
    }
    expect_texts_on_ink(sample);
    const Json& columns = truth.at("columns");
    const size_t num_rows = columns[0].at("cells").size();
    EXPECT_EQ(truth.at("texts").size(),
              columns.size() * (num_rows + 1) + !truth.at("title").get<std::string>().empty());
    std::map<std::string, std::string> expected;
    expected["How many rows does the table have?"] = std::to_string(num_rows);
    expected["How many columns does the table have?"] = std::to_string(columns.size());
    for (size_t k = 1; k < columns.size(); ++k) {
      const std::string name = columns[k].at("name");
      for (size_t i = 0; i < num_rows; ++i) {
        const std::string key = columns[0].at("cells")[i];
        expected["What is in the column " + name + " for " + key + "?"] = columns[k].at("cells")[i];
      }
    }
    expect_answers(sample, expected, columns.size() * num_rows / 2);
  }
}

TEST(Renderers, ChromiumReceiptsSayWhatTheTruthSays) {
  if (!is_installed(Renderer::Chromium)) return;
  const SynthSample sample = draw_with(Renderer::Chromium, "receipt", 0);
  expect_texts_on_ink(sample);
  std::map<std::string, std::string> expected;
  double total = 0;
  for (const Json& item : sample.truth->at("items")) {
    expected["How much is the " + item.at("name").get<std::string>() + "?"] = item.at("price");
    total += std::stod(item.at("price").get<std::string>());
  }
  expected["What is the total?"] = fmt::format("{:.2f}", total);
  expected["How many items were bought?"] = std::to_string(sample.truth->at("items").size());
  expect_answers(sample, expected, expected.size());
}

}  // namespace
}  // namespace molmo::synth
