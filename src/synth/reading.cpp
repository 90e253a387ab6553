#include "synth/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "synth/draws.h"

namespace molmo::synth {
namespace {

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

using Word = Page::Word;

// Length that two intervals have in common, not above 0 where they have none.
double common(double a_begin, double a_end, double b_begin, double b_end) {
  return std::min(a_end, b_end) - std::max(a_begin, b_begin);
}

// The nearest word in a direction, of those that are in the same line or column.
enum class Direction { Right, Below, Above };
const Word* neighbour(const Page& page, const Word& word, Direction direction) {
  const Word* nearest = nullptr;
  double least = 0;
  for (const Word& other : page.words()) {
    if (&other == &word) continue;
    const bool is_level = common(word.top, word.bottom, other.top, other.bottom) > 0;
    const bool is_across = common(word.left, word.right, other.left, other.right) > 0;
    if (!(direction == Direction::Right ? is_level : is_across)) continue;
    const double distance = direction == Direction::Right   ? other.left - word.right
                            : direction == Direction::Below ? other.top - word.bottom
                                                            : word.top - other.bottom;
    if (distance < 0 || (nearest && distance >= least)) continue;
    nearest = &other;
    least = distance;
  }
  return nearest;
}

bool is_written(const Page& page, std::string_view text) {
  return std::ranges::any_of(page.words(), [&](const Word& word) { return word.text == text; });
}

}  // namespace

Questions place_questions(const Json& truth) {
  Questions questions;
  for (const Json& text : truth["texts"]) {
    const auto box = text["box"].get<std::array<double, 4>>();
    const auto percent = [&](double first, double last, const char* side) {
      return 50 * (first + last) / truth[side].get<double>();
    };
    questions.push_back({fmt::format("What is written at x=\"{:.1f}\" y=\"{:.1f}\"?", percent(box[0], box[2], "width"),
                                     percent(box[1], box[3], "height")),
                         text["text"].get<std::string>()});
  }
  return questions;
}

DocQuestion transcript_question(const Json& truth) {
  struct Text {
    double left, top, bottom;
    std::string text;
  };
  std::vector<Text> texts;
  for (const Json& text : truth["texts"]) {
    const auto box = text["box"].get<std::array<double, 4>>();
    texts.push_back({box[0], box[1], box[3], text["text"].get<std::string>()});
  }
  const auto middle = [](const Text& text) { return (text.top + text.bottom) / 2; };
  std::ranges::stable_sort(texts, {}, middle);
  std::string transcript;
  for (size_t first = 0; first < texts.size();) {
    size_t last = first + 1;
    while (last < texts.size() && middle(texts[last]) < texts[first].bottom) ++last;
    std::ranges::stable_sort(texts.begin() + static_cast<std::ptrdiff_t>(first),
                             texts.begin() + static_cast<std::ptrdiff_t>(last), {}, &Text::left);
    for (size_t i = first; i < last; ++i) {
      if (i > 0) transcript += i == first ? '\n' : ' ';
      transcript += texts[i].text;
    }
    first = last;
  }
  return {"Transcribe the text.", transcript};
}

DocQuestion spelling_question(const Json& truth) {
  std::string spelling;
  for (const char c : transcript_question(truth).answer) {
    const bool is_first = spelling.empty() || spelling.back() == '\n';
    if (c == ' ') {
      spelling += ',';
    } else if (c == '\n' || is_first) {
      spelling += c;
    } else {
      // Bytes of one character stay together.
      const bool goes_on = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
      if (!goes_on) spelling += ' ';
      spelling += c;
    }
  }
  return {"Spell the words.", spelling};
}

Questions data_question(const Json& truth) {
  std::string lines;
  const auto add = [&](std::string_view name, std::string_view values) {
    lines += fmt::format("{}{}: {}", lines.empty() ? "" : "\n", name, values);
  };
  if (const auto series = truth.find("series"); series != truth.end() && !truth["categories"].empty()) {
    for (size_t i = 0; i < truth["categories"].size(); ++i) {
      std::string values;
      for (const Json& one : *series) {
        values += values.empty() ? "" : ", ";
        if (series->size() > 1) values += one["name"].get<std::string>() + " ";
        values += as_text(one["values"][i]);
        if (truth["figure"] == "pie") values += "%";
      }
      add(truth["categories"][i].get<std::string>(), values);
    }
  } else if (const auto columns = truth.find("columns"); columns != truth.end()) {
    for (size_t row = 0; row < (*columns)[0]["cells"].size(); ++row) {
      std::string cells;
      for (size_t k = 1; k < columns->size(); ++k) cells += (k > 1 ? ", " : "") + as_text((*columns)[k]["cells"][row]);
      add(as_text((*columns)[0]["cells"][row]), cells);
    }
  } else if (const auto items = truth.find("items"); items != truth.end() && truth["figure"] == "receipt") {
    for (const Json& item : *items) add(item["name"].get<std::string>(), item["price"].get<std::string>());
    add("Total", truth["fields"].back()["value"].get<std::string>());
  } else if (truth["figure"] == "form") {
    for (const Json& field : truth["fields"]) add(field["name"].get<std::string>(), field["value"].get<std::string>());
  }
  if (lines.empty()) return {};
  return {{"List the data.", lines}};
}

DocQuestion map_question(const Page& page) {
  constexpr int kCells = 6;
  constexpr double kLeastCover = 0.08;  // of a cell that counts as taken
  const double width = page.width() / kCells, height = page.height() / kCells;
  std::string rows;
  for (int cell = 0; cell < kCells * kCells; ++cell) {
    const double left = cell % kCells * width, top = cell / kCells * height;
    std::string_view word = "none";
    double most = kLeastCover * width * height;
    for (const Word& candidate : page.words()) {
      const double across = common(candidate.left, candidate.right, left, left + width);
      const double down = common(candidate.top, candidate.bottom, top, top + height);
      if (across <= 0 || down <= 0 || across * down <= most) continue;
      most = across * down;
      word = candidate.text;
    }
    rows += fmt::format("{}{}", cell == 0 ? "" : cell % kCells == 0 ? "\n" : " ", word);
  }
  return {"What is where?", rows};
}

Questions word_questions(const Page& page, const Words& words, RandomStream& draws) {
  static constexpr std::string_view kLists[] = {"fruits",   "pets",     "sports",   "drinks",   "first_names", "cities",
                                                "subjects", "vehicles", "desserts", "products", "groceries",   "steps"};
  // What stands next to a word is what most questions about figures come down to.
  constexpr double kNeighbourWeight = 1.5;
  constexpr double kLeastShift = 0.08;  // of the page, from its middle: which half is beyond doubt
  Questions questions;
  for (const Word& word : page.words()) {
    if (std::ranges::count(page.words(), word.text, &Word::text) > 1) continue;
    const std::string name = fmt::format("\"{}\"", word.text);
    questions.push_back({fmt::format("Is {} written here?", name), "Yes"});
    if (const std::string absent = words.pick(pick(draws, kLists), draws); !is_written(page, absent))
      questions.push_back({fmt::format("Is \"{}\" written here?", absent), "No"});
    const double x = (word.left + word.right) / 2 / page.width() - 0.5,
                 y = (word.top + word.bottom) / 2 / page.height() - 0.5;
    if (std::abs(x) > kLeastShift)
      questions.push_back({fmt::format("Is {} on the left or on the right?", name), x < 0 ? "Left" : "Right"});
    if (std::abs(y) > kLeastShift)
      questions.push_back({fmt::format("Is {} at the top or at the bottom?", name), y < 0 ? "Top" : "Bottom"});
    const auto ask = [&](Direction direction, std::string_view where) {
      const Word* found = neighbour(page, word, direction);
      questions.push_back({fmt::format("What is written {} {}?", where, name), found ? found->text : "Nothing",
                           found ? kNeighbourWeight : kNeighbourWeight / 4});
    };
    ask(Direction::Right, "to the right of");
    ask(Direction::Below, "below");
    ask(Direction::Above, "above");
  }
  return questions;
}

}  // namespace molmo::synth
