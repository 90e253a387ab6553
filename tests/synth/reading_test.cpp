// Questions about what is written on a page, compared with the texts that the truth places there.
#include "synth/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "answer_to.h"
#include "base/error.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

using test::answer_to;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// What is asked for is the text whose box holds the place.
TEST(Reading, TextsAreAskedForByTheirPlace) {
  SynthOptions options;
  options.size = 384;
  options.questions = 60;
  options.question_forms = {"read"};
  int num_questions = 0;
  for (uint64_t index = 0; index < 12; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    const Json& truth = *sample.truth;
    for (const text::Annotation& annotation : sample.text.annotations) {
      double x = 0, y = 0;
      ASSERT_EQ(std::sscanf(annotation.question->c_str(), "What is written at x=\"%lf\" y=\"%lf\"?", &x, &y), 2);
      x *= truth["width"].get<double>() / 100, y *= truth["height"].get<double>() / 100;
      const bool is_there = std::ranges::any_of(truth["texts"], [&](const Json& text) {
        const auto box = text["box"].get<std::vector<double>>();
        return text["text"] == *annotation.answer && box[0] <= x && x <= box[2] && box[1] <= y && y <= box[3];
      });
      EXPECT_TRUE(is_there) << *annotation.question << " " << *annotation.answer;
      ++num_questions;
    }
  }
  EXPECT_GT(num_questions, 40);
  options.question_forms = {"exists"};
  EXPECT_THAT([&] { make_sample(find_generator("docs"), options, 0); },
              ThrowsMessage<Error>(HasSubstr("expected one of figure, read, transcribe, data, map, words, spell")));
}

// Without its spaces a spelling is the transcript with commas between words.
TEST(Reading, SpellingsHaveALetterAtATime) {
  SynthOptions options;
  options.size = 384;
  options.question_forms = {"transcribe", "spell"};
  for (uint64_t index = 0; index < 20; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    std::string spelling = answer_to(sample, "Spell the words."),
                transcript = answer_to(sample, "Transcribe the text.");
    for (size_t i = 1; i + 1 < spelling.size(); ++i) {
      const auto is_letter = [&](size_t at) { return std::isalnum(static_cast<unsigned char>(spelling[at])) != 0; };
      EXPECT_FALSE(is_letter(i) && is_letter(i - 1)) << spelling;
    }
    std::erase(spelling, ' ');
    std::ranges::replace(transcript, ' ', ',');
    EXPECT_EQ(spelling, transcript);
  }
}

// All texts, each once; what stands above comes in a line before, or in the same, and there what is further left
// before.
TEST(Reading, TranscriptsHaveAllTextInReadingOrder) {
  SynthOptions options;
  options.size = 384;
  options.question_forms = {"transcribe"};
  int num_orders = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    ASSERT_EQ(sample.text.annotations.size(), 1u);
    const std::string transcript = *sample.text.annotations[0].answer;
    size_t num_characters = 0;
    struct Placed {
      size_t position;
      std::ptrdiff_t line;
      double left, top, bottom;
    };
    std::vector<Placed> unique;
    for (const Json& entry : (*sample.truth)["texts"]) {
      const std::string text = entry["text"];
      num_characters += text.size() + 1;
      const size_t position = transcript.find(text);
      ASSERT_NE(position, std::string::npos) << text << "\n" << transcript;
      if (transcript.find(text, position + 1) != std::string::npos) continue;
      const auto box = entry["box"].get<std::vector<double>>();
      const auto line =
          std::count(transcript.begin(), transcript.begin() + static_cast<std::ptrdiff_t>(position), '\n');
      unique.push_back({position, line, box[0], box[1], box[3]});
    }
    EXPECT_EQ(transcript.size() + 1, num_characters);
    for (const Placed& a : unique) {
      for (const Placed& b : unique) {
        if (a.line == b.line ? a.left >= b.left : a.bottom >= b.top) continue;
        EXPECT_LT(a.position, b.position) << transcript;
        ++num_orders;
      }
    }
  }
  EXPECT_GT(num_orders, 1000);
}

// A line for every pair that the figure itself asks about: its name and its value.
TEST(Reading, DataListWhatIsAskedAboutOneByOne) {
  SynthOptions options;
  options.size = 384;
  options.questions = 60;  // all that there are
  const std::regex asked(
      "(?:What is the (?:value (?:of|for)|share of)|How much is the|What is in the column \\w+ for|What is the) "
      "(.*?)(?: on the form)?\\?");
  for (const std::string figure : {"bar", "pie", "table", "receipt", "form"}) {
    options.figures = {figure};
    options.difficulty = Difficulty::Easy;  // tables of two columns
    int num_pairs = 0;
    for (uint64_t index = 0; index < 20; ++index) {
      options.question_forms = {"data"};
      const SynthSample listed = make_sample(find_generator("docs"), options, index);
      ASSERT_EQ(listed.text.annotations.size(), 1u) << figure;
      const std::string lines = "\n" + *listed.text.annotations[0].answer + "\n";
      options.question_forms = {"figure"};
      for (const auto& annotation : make_sample(find_generator("docs"), options, index).text.annotations) {
        std::smatch match;
        if (!std::regex_match(*annotation.question, match, asked)) continue;
        const std::string name = match[1];
        if (lines.find("\n" + name + ": ") == std::string::npos) continue;  // asks about something else
        EXPECT_THAT(lines, HasSubstr("\n" + name + ": " + *annotation.answer + "\n")) << *annotation.question;
        ++num_pairs;
      }
    }
    EXPECT_GE(num_pairs, 40) << figure;
  }
  // A letter has no pairs.
  options.figures = {"letter"};
  options.question_forms = {"data"};
  EXPECT_TRUE(make_sample(find_generator("docs"), options, 0).text.annotations.empty());
}

// A cell in which the middle of a word lies, and nothing of any other text, names that word; one without text names
// none.
TEST(Reading, MapsNameTheWordOfEachCell) {
  SynthOptions options;
  options.size = 192;
  options.difficulty = Difficulty::Easy;
  options.question_forms = {"map"};
  int num_words = 0, num_empty = 0;
  for (uint64_t index = 0; index < 60; ++index) {
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    ASSERT_EQ(sample.text.annotations.size(), 1u);
    const std::string& rows = *sample.text.annotations[0].answer;
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 5);
    std::istringstream stream(rows);
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        std::string word;
        ASSERT_TRUE(stream >> word) << rows;
        std::vector<Json> here;
        for (const Json& text : (*sample.truth)["texts"]) {
          const auto box = text["box"].get<std::vector<double>>();
          if (box[0] < 32 * (column + 1) && box[2] > 32 * column && box[1] < 32 * (row + 1) && box[3] > 32 * row)
            here.push_back(text);
        }
        if (here.empty()) {
          EXPECT_EQ(word, "none") << row << " " << column << "\n" << rows;
          ++num_empty;
        }
        if (here.size() != 1 || here[0]["text"].get<std::string>().find(' ') != std::string::npos) continue;
        const auto box = here[0]["box"].get<std::vector<double>>();
        const bool is_middle =
            static_cast<int>((box[0] + box[2]) / 64) == column && static_cast<int>((box[1] + box[3]) / 64) == row;
        if (!is_middle || (box[2] - box[0]) * (box[3] - box[1]) < 400) continue;  // far above the least of a cell
        EXPECT_EQ(word, here[0]["text"].get<std::string>()) << row << " " << column << "\n" << rows;
        ++num_words;
      }
    }
  }
  EXPECT_GT(num_words, 80);
  EXPECT_GT(num_empty, 400);
}

// The answers about words, found again from the boxes of the texts.
TEST(Reading, WordsAreAskedAboutAsTheyStand) {
  SynthOptions options;
  options.size = 256;
  options.difficulty = Difficulty::Easy;
  options.questions = 60;
  const std::regex is_written("Is \"(.+)\" written here\\?"), half("Is \"(.+)\" (?:on the left|at the top) or .*"),
      beside("What is written (to the right of|below|above) \"(.+)\"\\?");
  int num_written = 0, num_halves = 0, num_neighbours = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    options.question_forms = {"words"};
    const SynthSample sample = make_sample(find_generator("docs"), options, index);
    std::vector<std::string> words;
    std::map<std::string, std::vector<double>> boxes;  // of texts that are one word
    for (const Json& text : (*sample.truth)["texts"]) {
      std::istringstream stream(text["text"].get<std::string>());
      size_t num_parts = 0;
      for (std::string word; stream >> word; ++num_parts) words.push_back(word);
      if (num_parts == 1) boxes[words.back()] = text["box"].get<std::vector<double>>();
    }
    const double width = (*sample.truth)["width"], height = (*sample.truth)["height"];
    for (const auto& annotation : sample.text.annotations) {
      const std::string &question = *annotation.question, &answer = *annotation.answer;
      std::smatch match;
      if (std::regex_match(question, match, is_written)) {
        EXPECT_EQ(answer == "Yes", std::ranges::count(words, match[1].str()) > 0) << question;
        ++num_written;
      } else if (std::regex_match(question, match, half)) {
        const auto box = boxes.find(match[1]);
        if (box == boxes.end()) continue;
        const double x = (box->second[0] + box->second[2]) / 2, y = (box->second[1] + box->second[3]) / 2;
        const bool is_across = question.find("left") != std::string::npos;
        EXPECT_EQ(answer, is_across ? (x < width / 2 ? "Left" : "Right") : (y < height / 2 ? "Top" : "Bottom"));
        ++num_halves;
      } else {
        ASSERT_TRUE(std::regex_match(question, match, beside)) << question;
        const auto from = boxes.find(match[2]), to = boxes.find(answer);
        if (from == boxes.end() || to == boxes.end() || std::ranges::count(words, answer) > 1) continue;
        const std::vector<double>&a = from->second, &b = to->second;
        const bool is_level = std::min(a[3], b[3]) > std::max(a[1], b[1]),
                   is_across = std::min(a[2], b[2]) > std::max(a[0], b[0]);
        if (match[1] == "to the right of") {
          EXPECT_TRUE(is_level && b[0] > a[0]) << question << " " << answer;
        } else {
          EXPECT_TRUE(is_across && (match[1] == "below" ? b[1] > a[1] : b[1] < a[1])) << question << " " << answer;
        }
        ++num_neighbours;
      }
    }
  }
  EXPECT_GT(num_written, 300);
  EXPECT_GT(num_halves, 100);
  EXPECT_GT(num_neighbours, 100);
}

}  // namespace
}  // namespace molmo::synth
