// The truth about charts, documents and screens, measured again from the pixels.
#include "synth/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "answer_to.h"
#include "base/error.h"
#include "synth/generator.h"
#include "synth/label_classes.h"

namespace molmo::synth {
namespace {

using test::answer_to;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

SynthSample draw(const std::string& figure, Difficulty difficulty, uint64_t index, const char* kind = "docs") {
  SynthOptions options;
  options.size = difficulty == Difficulty::Easy ? 192 : 384;
  options.difficulty = difficulty;
  options.questions = 60;  // all that there are
  if (!figure.empty()) options.figures = {figure};
  return make_sample(find_generator(kind), options, index);
}

const std::vector<std::string> kFigureNames = {
    "bar",  "horizontal_bar", "grouped_bar", "line",  "pie",    "scatter",    "table", "receipt",
    "form", "letter",         "poster",      "slide", "screen", "flow_chart", "tree",  "word_list"};
constexpr Difficulty kLevels[] = {Difficulty::Easy, Difficulty::Medium, Difficulty::Hard};

Color pixel(const image::Image& picture, double x, double y) {
  const auto at = 3 * static_cast<size_t>(static_cast<int64_t>(y) * picture.size.width + static_cast<int64_t>(x));
  const auto channel = [&](size_t c) { return picture.pixels.at(at + c) / 255.0; };
  return {channel(0), channel(1), channel(2)};
}

bool is_color(const image::Image& picture, double x, double y, const std::string& name) {
  return x >= 0 && y >= 0 && x < static_cast<double>(picture.size.width) &&
         y < static_cast<double>(picture.size.height) && distance(pixel(picture, x, y), typical(name)) < 0.04;
}

// How far the colour of a bar reaches from its foot gives its value by the axis.
TEST(Docs, BarsAreAsHighAsTheirValues) {
  int num_bars = 0;
  for (const char* figure : {"bar", "horizontal_bar"}) {
    for (const Difficulty difficulty : {Difficulty::Easy, Difficulty::Medium}) {
      for (uint64_t index = 0; index < 12; ++index) {
        const SynthSample sample = draw(figure, difficulty, index);
        const Json &truth = *sample.truth, &axis = truth.at("axis"), &values = truth.at("series")[0].at("values");
        const double from = axis.at("from"), to = axis.at("to"), top = axis.at("top");
        const bool is_standing = std::string(figure) == "bar";
        ASSERT_EQ(truth.at("bars").size(), values.size());
        for (size_t i = 0; i < values.size(); ++i) {
          const Json &bar = truth.at("bars")[i], &box = bar.at("box");
          const double across = is_standing ? (box[0].get<double>() + box[2].get<double>()) / 2
                                            : (box[1].get<double>() + box[3].get<double>()) / 2;
          const double step = is_standing ? -1 : 1;
          double at = from + 3 * step;  // past the axis and an outline
          ASSERT_TRUE(is_standing ? is_color(sample.picture, across, at, bar.at("color"))
                                  : is_color(sample.picture, at, across, bar.at("color")))
              << figure << " " << index << " bar " << i;
          while (is_standing ? is_color(sample.picture, across, at, bar.at("color"))
                             : is_color(sample.picture, at, across, bar.at("color")))
            at += step;
          const double measured = (at - from) / (to - from) * top;
          const double slack = 3 * top / std::abs(to - from);  // pixels: the outline, and the edge's blend
          EXPECT_NEAR(measured, values[i].get<double>(), slack) << figure << " " << index << " bar " << i;
          ++num_bars;
        }
      }
    }
  }
  EXPECT_GT(num_bars, 120);
}

TEST(Docs, WordListsAreDrawnWhereTheyAreNamedAndHoldManyWords) {
  for (const char* others : {"", "other"}) {
    for (uint64_t index = 0; index < 200; ++index)
      ASSERT_NE(draw(others, Difficulty::Easy, index).truth->at("figure"), "word_list") << others << " " << index;
  }
  size_t num_words = 0;
  for (uint64_t index = 0; index < 20; ++index) {
    const SynthSample sample = draw("word_list", Difficulty::Easy, index);
    const Json& texts = sample.truth->at("texts");
    num_words += texts.size();
    EXPECT_EQ(answer_to(sample, "What is the first word?"), texts.front().at("text"));
    EXPECT_EQ(answer_to(sample, "What is the last word?"), texts.back().at("text"));
  }
  EXPECT_GT(num_words, 20u * 10);
}

TEST(Docs, SlicesHaveTheirColorsAndShares) {
  for (uint64_t index = 0; index < 20; ++index) {
    const SynthSample sample = draw("pie", Difficulty::Easy, index);
    const double x = sample.truth->at("center")[0], y = sample.truth->at("center")[1],
                 radius = sample.truth->at("radius");
    // Degrees of a circle near the edge that have the colour of a slice.
    for (const Json& slice : sample.truth->at("slices")) {
      int64_t count = 0;
      for (int degree = 0; degree < 360; ++degree) {
        const double angle = degree * std::acos(-1.0) / 180;
        count += is_color(sample.picture, x + 0.93 * radius * std::cos(angle), y + 0.93 * radius * std::sin(angle),
                          slice.at("color"));
      }
      EXPECT_NEAR(static_cast<double>(count) / 3.6, slice.at("share").get<double>(), 3) << index;
    }
  }
}

TEST(Docs, PointsOfLinesAndScatterPlotsAreWhereTheyAre) {
  for (const char* figure : {"line", "scatter"}) {
    for (uint64_t index = 0; index < 10; ++index) {
      const SynthSample sample = draw(figure, Difficulty::Easy, index);
      const Json& truth = *sample.truth;
      const std::string color = truth.contains("color") ? truth.at("color").get<std::string>()
                                                        : truth.at("series")[0].at("color").get<std::string>();
      for (size_t i = 0; i < truth.at("marks").size(); ++i) {
        const Json& mark = truth.at("marks")[i];
        EXPECT_TRUE(is_color(sample.picture, mark.at("x"), mark.at("y"), color)) << figure << " " << index;
        if (!truth.contains("axis")) continue;
        const double from = truth.at("axis").at("from"), to = truth.at("axis").at("to"),
                     top = truth.at("axis").at("top");
        EXPECT_NEAR((mark.at("y").get<double>() - from) / (to - from) * top,
                    truth.at("series")[0].at("values")[i].get<double>(), 1e-6);
      }
    }
  }
}

// Every text lies within the picture, and there is ink in its box.
TEST(Docs, TextsAreInThePicture) {
  for (const std::string& figure : kFigureNames) {
    for (const Difficulty difficulty : kLevels) {
      for (uint64_t index = 0; index < 8; ++index) {
        const SynthSample sample = draw(figure, difficulty, index);
        const double width = static_cast<double>(sample.picture.size.width),
                     height = static_cast<double>(sample.picture.size.height);
        ASSERT_FALSE(sample.truth->at("texts").empty());
        for (const Json& text : sample.truth->at("texts")) {
          const Json& box = text.at("box");
          const double left = box[0], top = box[1], right = box[2], bottom = box[3];
          EXPECT_GE(left, -0.5) << figure << " " << index << " " << text;
          EXPECT_GE(top, -0.5) << figure << " " << index << " " << text;
          EXPECT_LE(right, width + 0.5) << figure << " " << index << " " << text;
          EXPECT_LE(bottom, height + 0.5) << figure << " " << index << " " << text;
          double most = 0;
          const Color corner = pixel(sample.picture, std::max(0.0, left - 1), std::max(0.0, top - 1));
          for (double y = std::max(0.0, top); y < std::min(height, bottom); ++y) {
            for (double x = std::max(0.0, left); x < std::min(width, right); ++x)
              most = std::max(most, distance(pixel(sample.picture, x, y), corner));
          }
          EXPECT_GT(most, 0.15) << figure << " " << index << " " << text << " cannot be read";
        }
      }
    }
  }
}

// Everywhere in a word stand its first three characters, or its end.
TEST(Docs, LabelsSpellWords) {
  SynthOptions options;
  options.size = 224;
  options.difficulty = Difficulty::Easy;
  options.figures = {"bar", "table"};
  options.labels = LabelMap::Words;
  const auto spelled = [](const std::string& word, size_t position) {
    if (position >= word.size()) return 38;
    const char character = word[position];
    if (character >= '0' && character <= '9') return 1 + character - '0';
    if (character >= 'a' && character <= 'z') return 11 + character - 'a';
    return character >= 'A' && character <= 'Z' ? 11 + character - 'A' : 37;
  };
  const int offsets[] = {217, 12, 196};  // docs/synth.md
  int num_words = 0, num_ends = 0;
  for (uint64_t index = 0; index < 10; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    ASSERT_EQ(sample.labels.size(), 3U * 224 * 224);
    for (const Json& text : sample.truth->at("texts")) {
      const std::string words = text.at("text");
      if (words.find(' ') != std::string::npos) continue;  // the box would be that of several words
      const double left = text.at("box")[0], top = text.at("box")[1], right = text.at("box")[2],
                   bottom = text.at("box")[3];
      for (const double x : {left + 1.5, (left + right) / 2, right - 1.5}) {
        const auto at = static_cast<size_t>((top + bottom) / 2) * 224 + static_cast<size_t>(x);
        for (size_t map = 0; map < 3; ++map) {
          EXPECT_EQ(sample.labels[map * 224 * 224 + at], offsets[map] + spelled(words, map)) << words << " at " << x;
          num_ends += map >= words.size() ? 1 : 0;
        }
        ++num_words;
      }
    }
    // Beside words: no third character and no place.
    EXPECT_EQ(sample.labels.back(), 255);
  }
  EXPECT_GT(num_words, 150);
  EXPECT_GT(num_ends, 50);
}

// In the middle of every character's cell stands its class; bars have the class of their colour.
TEST(Docs, LabelsSayWhichCharacterIsWhere) {
  SynthOptions options;
  options.size = 224;
  options.figures = {"bar"};
  for (uint64_t index = 0; index < 10; ++index) {
    options.labels = LabelMap::Characters;
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    options.labels = LabelMap::All;
    const SynthSample all = make_sample(find_generator("docs"), options, index);
    const size_t num_pixels = sample.labels.size();
    ASSERT_EQ(all.labels.size(), 3 * num_pixels);
    for (size_t i = 0; i < num_pixels; ++i) {
      const int character = sample.labels[i];
      EXPECT_LE(character, 37);
      EXPECT_EQ(all.labels[i], character == 0 ? 0 : character + first_character_class(0));
      EXPECT_EQ(all.labels[2 * num_pixels + i], 255);
    }
    const auto label_at = [&](const std::vector<uint8_t>& map, double x, double y) {
      return static_cast<int>(map.at(static_cast<size_t>(static_cast<int64_t>(y) * 224 + static_cast<int64_t>(x))));
    };
    for (const Json& text : sample.truth->at("texts")) {
      const std::string words = text.at("text");
      const Json& box = text.at("box");
      const double left = box[0], top = box[1], right = box[2], bottom = box[3];
      if (words.size() != 1) continue;  // the middle of the box is that of the cell
      EXPECT_EQ(label_at(sample.labels, (left + right) / 2, (top + bottom) / 2), 1 + words[0] - '0') << words;
    }
    const auto names = color_names();
    const std::vector<uint8_t> colors(all.labels.begin() + static_cast<std::ptrdiff_t>(num_pixels),
                                      all.labels.begin() + static_cast<std::ptrdiff_t>(2 * num_pixels));
    for (const Json& bar : sample.truth->at("bars")) {
      const Json& box = bar.at("box");
      const auto place = std::find(names.begin(), names.end(), bar.at("color").get<std::string>()) - names.begin();
      EXPECT_EQ(label_at(colors, (box[0].get<double>() + box[2].get<double>()) / 2, box[3].get<double>() - 4),
                1 + place);
    }
  }
  EXPECT_EQ(character_class('a'), character_class('A'));
  EXPECT_EQ(character_class('7'), 8);
  EXPECT_EQ(character_class('%'), 37);
}

// What is asked about a table is answered by its cells.
TEST(Docs, TablesAnswerFromTheirCells) {
  int num_asked = 0;
  for (uint64_t index = 0; index < 20; ++index) {
    const SynthSample sample = draw("table", Difficulty::Medium, index);
    const Json& columns = sample.truth->at("columns");
    for (size_t k = 1; k < columns.size(); ++k) {
      for (size_t row = 0; row < columns[k].at("cells").size(); ++row) {
        const std::string question = "What is in the column " + columns[k].at("name").get<std::string>() + " for " +
                                     columns[0].at("cells")[row].get<std::string>() + "?";
        const std::string answer = answer_to(sample, question);
        if (answer.empty()) continue;
        EXPECT_EQ(answer, columns[k].at("cells")[row]) << question;
        ++num_asked;
      }
    }
    EXPECT_EQ(answer_to(sample, "How many rows does the table have?"), std::to_string(columns[0].at("cells").size()));
  }
  EXPECT_GT(num_asked, 100);
}

TEST(Docs, ReceiptsAddUp) {
  const auto cents = [](const std::string& money) { return std::lround(std::stod(money) * 100); };
  for (uint64_t index = 0; index < 20; ++index) {
    const SynthSample sample = draw("receipt", Difficulty::Medium, index);
    long sum = 0;
    for (const Json& item : sample.truth->at("items")) sum += cents(item.at("price"));
    EXPECT_EQ(cents(answer_to(sample, "What is the total?")), sum);
  }
}

TEST(Docs, EveryFigureAsksAndNothingTwice) {
  for (const std::string& figure : kFigureNames) {
    for (const Difficulty difficulty : kLevels) {
      for (uint64_t index = 0; index < 5; ++index) {
        const SynthSample sample = draw(figure, difficulty, index);
        EXPECT_EQ(sample.truth->at("figure"), figure);
        EXPECT_GE(sample.text.annotations.size(), 3u) << figure;
        std::set<std::string> questions;
        for (const text::Annotation& annotation : sample.text.annotations) {
          EXPECT_TRUE(questions.insert(*annotation.question).second) << figure << ": " << *annotation.question;
          EXPECT_FALSE(annotation.answer->empty()) << figure << ": " << *annotation.question;
          EXPECT_EQ(*annotation.style, "pixmo_docs_" + sample.truth->at("part").get<std::string>());
        }
      }
    }
  }
}

TEST(Docs, NamesAreInventedWhereAskedFor) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.figures = {"bar"};
  const auto names = [&](double share) {
    options.invented_words = share;
    std::set<std::string> all;
    for (uint64_t index = 0; index < 200; ++index) {
      const SynthSample sample = make_sample(find_generator("docs"), options, index);
      for (const Json& name : sample.truth->at("categories")) all.insert(name.get<std::string>());
    }
    return all;
  };
  const std::set<std::string> known = names(0), invented = names(1);
  EXPECT_LT(known.size(), 120u);  // those of the lists, again and again
  EXPECT_GT(invented.size(), 400u);
  EXPECT_LT(std::ranges::count_if(invented, [&](const std::string& name) { return known.contains(name); }), 5);
}

TEST(Docs, NamesAreCommonWordsOfAnyTopicWhereAskedFor) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.figures = {"bar"};
  options.common_words = 1;
  std::set<std::string> names;
  for (uint64_t index = 0; index < 400; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    const Json& categories = sample.truth->at("categories");
    for (const Json& name : categories) names.insert(name.get<std::string>());
    EXPECT_EQ(std::set<Json>(categories.begin(), categories.end()).size(), categories.size());
  }
  EXPECT_GT(names.size(), 500u);
  for (const char* name : {"Zinc", "July", "Soup"}) EXPECT_TRUE(names.contains(name)) << name;
  options.invented_words = 1;  // comes first
  const SynthSample sample = make_sample(find_generator("docs"), options, 0);
  for (const Json& name : sample.truth->at("categories")) EXPECT_FALSE(names.contains(name.get<std::string>())) << name;
}

TEST(Docs, NumbersGoAsFarAsAskedFor) {
  SynthOptions options;
  options.difficulty = Difficulty::Easy;
  options.figures = {"bar"};
  options.max_value = 100;
  int64_t most = 0;
  int num_round = 0;
  for (uint64_t index = 0; index < 100; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    const auto values = sample.truth->at("series")[0].at("values").get<std::vector<int64_t>>();
    most = std::max(most, *std::ranges::max_element(values));
    num_round += std::ranges::all_of(values, [](int64_t value) { return value % 10 == 0; }) ? 1 : 0;
  }
  EXPECT_LE(most, 100);
  EXPECT_GT(most, 90);
  EXPECT_NEAR(num_round, 36, 15);  // three standard deviations
}

TEST(Docs, RefusesUnknownFigures) {
  EXPECT_THAT([] { draw("bars", Difficulty::Easy, 0); }, ThrowsMessage<Error>(HasSubstr("bar")));
}

// The knob of a switch is white and lies on the side that its state says.
TEST(Screens, SwitchesAreOnWhereTheTruthSaysSo) {
  int num_switches = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    const SynthSample sample = draw("screen", Difficulty::Easy, index);
    if (sample.truth->at("layout") != "settings") continue;
    for (const Json& element : sample.truth->at("elements")) {
      if (element.at("kind") != "switch") continue;
      const double y = (element.at("box")[1].get<double>() + element.at("box")[3].get<double>()) / 2;
      // From the right: margin, then the switch with a knob at one of its ends.
      const double size = 0.075 * 192, right = 192 - 0.05 * 192, width = 1.9 * size, knob = 1.05 * size / 2;
      const bool is_right = distance(pixel(sample.picture, right - knob, y), {1, 1, 1}) < 0.02;
      const bool is_left = distance(pixel(sample.picture, right - width + knob, y), {1, 1, 1}) < 0.02;
      EXPECT_NE(is_left, is_right);
      EXPECT_EQ(is_right, element.at("is_on").get<bool>());
      ++num_switches;
    }
  }
  EXPECT_GT(num_switches, 10);
}

TEST(Android, ClicksHitTheirTargets) {
  int num_clicks = 0;
  std::set<std::string> kinds;
  for (uint64_t index = 0; index < 120; ++index) {
    const SynthSample sample = draw("", Difficulty::Medium, index, "android");
    const Json& task = sample.truth->at("tasks")[0];
    const std::string action = task.at("target_action");
    kinds.insert(action.substr(0, action.find_first_of(" (")));
    ASSERT_GE(sample.text.annotations.size(), 4u);
    EXPECT_EQ(*sample.text.annotations[0].style, "android_control");
    EXPECT_EQ(*sample.text.annotations[0].text, action);
    EXPECT_THAT(*sample.text.annotations[3].text, HasSubstr(" Action: " + action));
    double x = 0, y = 0;
    if (std::sscanf(action.c_str(), "Click(%lf, %lf)", &x, &y) != 2) continue;
    const Json& box = task.at("target_box");
    EXPECT_TRUE(x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]) << action << " " << box;
    ++num_clicks;
  }
  EXPECT_GT(num_clicks, 60);
  EXPECT_THAT(kinds, ::testing::IsSupersetOf({"Click", "Type", "Scroll", "Navigate", "Open"}));
}

}  // namespace
}  // namespace molmo::synth
