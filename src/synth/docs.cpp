#include "synth/docs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "synth/draws.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

struct FigureEntry {
  std::string_view name;
  std::string_view part;  // of PixMo-Docs
  Questions (*draw)(Page& page, const FigureContext& context);
  double weight;  // how often; charts are half of PixMo-Docs
  Renderer renderer = Renderer::Page;
};

constexpr FigureEntry kFigures[] = {
    {"bar", "charts", draw_bar_chart, 3},
    {"horizontal_bar", "charts", draw_horizontal_bar_chart, 2},
    {"grouped_bar", "charts", draw_grouped_bar_chart, 1.5},
    {"line", "charts", draw_line_chart, 2},
    {"pie", "charts", draw_pie_chart, 2},
    {"scatter", "charts", draw_scatter_plot, 1},
    {"table", "tables", draw_table, 4},
    {"receipt", "other", draw_receipt, 1.5},
    {"form", "other", draw_form, 1.2},
    {"letter", "other", draw_letter, 1},
    {"poster", "other", draw_poster, 1},
    {"slide", "other", draw_slide, 1},
    {"screen", "other", draw_screen, 1},
    {"flow_chart", "diagrams", draw_flow_chart, 1.2},
    {"tree", "diagrams", draw_tree_diagram, 1},
    {"flow_chart", "diagrams", draw_graphviz_flow_chart, 4, Renderer::Graphviz},
    {"tree", "diagrams", draw_graphviz_tree, 4, Renderer::Graphviz},
    {"bar", "charts", draw_gnuplot_bar_chart, 3, Renderer::Gnuplot},
    {"grouped_bar", "charts", draw_gnuplot_grouped_bar_chart, 2.5, Renderer::Gnuplot},
    {"line", "charts", draw_gnuplot_line_chart, 2.5, Renderer::Gnuplot},
    {"table", "tables", draw_chromium_table, 4, Renderer::Chromium},
    {"receipt", "other", draw_chromium_receipt, 2, Renderer::Chromium},
};

const FigureEntry& draw_figure(const SynthOptions& options, RandomStream& draws) {
  std::vector<const FigureEntry*> figures;
  std::vector<double> weights;
  std::string drawn;
  for (const FigureEntry& figure : kFigures) {
    if (std::ranges::find(options.renderers, figure.renderer) == options.renderers.end()) continue;
    drawn += fmt::format("{}{}", drawn.empty() ? "" : ", ", figure.name);
    const bool is_wanted = options.figures.empty() ||
                           std::any_of(options.figures.begin(), options.figures.end(), [&](const std::string& name) {
                             return name == figure.name || name == figure.part;
                           });
    if (!is_wanted) continue;
    figures.push_back(&figure);
    weights.push_back(figure.weight);
  }
  if (figures.empty())
    fail(ErrorCategory::InvalidArgument, "figures: none of them is drawn by the renderers, which draw {}", drawn);
  return *figures[pick_weighted(draws, weights)];
}

void check_figures(const SynthOptions& options) {
  std::vector<std::string> names = {"charts", "tables", "other", "diagrams"};
  for (const FigureEntry& figure : kFigures) names.emplace_back(figure.name);
  for (const std::string& name : options.figures) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      fail(ErrorCategory::InvalidArgument, "figures: '{}' is not a figure or part of docs.{}", name,
           did_you_mean(name, names));
    }
  }
}

constexpr std::string_view kAboutFigure = "figure", kReading = "read", kTranscript = "transcribe", kData = "data",
                           kMap = "map";

// Without any wish they are about the figure.
bool has_form(const SynthOptions& options, std::string_view form) {
  if (options.question_forms.empty()) return form == kAboutFigure;
  return std::ranges::find(options.question_forms, form) != options.question_forms.end();
}

void check_forms(const SynthOptions& options) {
  for (const std::string& form : options.question_forms) {
    if (form == kAboutFigure || form == kReading || form == kTranscript || form == kData || form == kMap) continue;
    fail(ErrorCategory::InvalidArgument,
         "question_forms: '{}' is not a form of question about documents, expected {}, {}, {}, {} or {}", form,
         kAboutFigure, kReading, kTranscript, kData, kMap);
  }
}

// What teaches to read: every text of the page, by its place.
Questions reading_questions(const Json& truth) {
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

// The whole page in reading order: lines from the top to the bottom, what stands in one line from the left to the
// right.
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

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// What belongs together, a line each: a category and its values, a row of a table, a receipt's item and its price. It
// teaches to find the value of a name, and is the question of chart-to-table data sets. None where the page has no such
// pairs.
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

// The word that covers most of each cell of a grid, row by row: an answer for every few patches of the page, so that a
// decoder learns to read image tokens long before it can look for anything among them.
DocQuestion map_question(const Page& page) {
  constexpr int kCells = 6;
  constexpr double kLeastCover = 0.08;  // of a cell that counts as taken
  const double width = page.width() / kCells, height = page.height() / kCells;
  std::string rows;
  for (int cell = 0; cell < kCells * kCells; ++cell) {
    const double left = cell % kCells * width, top = cell / kCells * height;
    std::string_view word = "none";
    double most = kLeastCover * width * height;
    for (const Page::Word& candidate : page.words()) {
      const double across = std::min(candidate.right, left + width) - std::max(candidate.left, left);
      const double down = std::min(candidate.bottom, top + height) - std::max(candidate.top, top);
      if (across <= 0 || down <= 0 || across * down <= most) continue;
      most = across * down;
      word = candidate.text;
    }
    rows += fmt::format("{}{}", cell == 0 ? "" : cell % kCells == 0 ? "\n" : " ", word);
  }
  return {"What is where?", rows};
}

ImageSize page_size(const SynthOptions& options, std::string_view figure, RandomStream& draws) {
  ImageSize size{options.size, options.size};
  if (!options.vary_aspect) return size;
  const bool is_paper =
      figure == "receipt" || figure == "form" || figure == "letter" || figure == "poster" || figure == "screen";
  const double aspect = is_paper ? between(draws, 0.6, 0.85) : between(draws, 0.8, 1.5);
  (aspect > 1 ? size.height : size.width) =
      static_cast<int64_t>(std::lround(static_cast<double>(options.size) * std::min(aspect, 1 / aspect)));
  return size;
}

}  // namespace

SynthSample make_docs(const SynthOptions& options, RandomStream& draws) {
  check_figures(options);
  check_forms(options);
  const FigureEntry& figure = draw_figure(options, draws);
  const bool is_easy = options.difficulty == Difficulty::Easy;
  const Words words(is_easy);
  const FigureContext context{words, draws, is_easy, options.difficulty == Difficulty::Hard};
  const ImageSize size = page_size(options, figure.name, draws);
  Page page(size, draw_page_style(options, draws));
  Questions questions = figure.draw(page, context);
  if (figure.renderer != Renderer::Page) page.truth()["renderer"] = enum_name(figure.renderer);
  if (!has_form(options, kAboutFigure)) questions.clear();
  if (has_form(options, kTranscript)) questions.push_back(transcript_question(page.truth()));
  if (has_form(options, kData)) std::ranges::move(data_question(page.truth()), std::back_inserter(questions));
  if (has_form(options, kMap)) questions.push_back(map_question(page));
  if (has_form(options, kReading)) std::ranges::move(reading_questions(page.truth()), std::back_inserter(questions));

  SynthSample sample;
  sample.text.is_list = true;
  // Without repetition, by their weights.
  for (int64_t i = 0; i < options.questions && !questions.empty(); ++i) {
    std::vector<double> weights;
    for (const DocQuestion& question : questions) weights.push_back(question.weight);
    const size_t chosen = pick_weighted(draws, weights);
    text::Annotation annotation;
    annotation.style = "pixmo_docs_" + std::string(figure.part);
    annotation.question = questions[chosen].question;
    annotation.answer = questions[chosen].answer;
    page.truth()["questions"].push_back(
        {{"question", questions[chosen].question}, {"answer", questions[chosen].answer}});
    sample.text.annotations.push_back(std::move(annotation));
    questions.erase(questions.begin() + static_cast<std::ptrdiff_t>(chosen));
  }
  if (options.labels != LabelMap::None) sample.labels = page.label_map(options.labels);
  sample.picture = page.finish(draws);
  sample.truth = std::make_shared<const Json>(std::move(page.truth()));
  return sample;
}

}  // namespace molmo::synth
