#include "synth/docs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/nearest.h"
#include "synth/draws.h"
#include "synth/generator.h"
#include "synth/reading.h"

namespace molmo::synth {
namespace {

struct FigureEntry {
  std::string_view name;
  std::string_view part;  // of PixMo-Docs
  Questions (*draw)(Page& page, const FigureContext& context);
  double weight;  // how often; charts are half of PixMo-Docs
  Renderer renderer = Renderer::Page;
  bool is_exercise = false;  // drawn only where its name is in `figures`
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
    {"word_list", "other", draw_word_list, 1, Renderer::Page, /*is_exercise=*/true},
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
    const bool is_any =
        !figure.is_exercise &&
        (options.figures.empty() || std::ranges::find(options.figures, figure.part) != options.figures.end());
    if (!is_any && std::ranges::find(options.figures, figure.name) == options.figures.end()) continue;
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

constexpr std::string_view kFigureForm = "figure";
constexpr std::string_view kForms[] = {kFigureForm, kPlaceForm, kTranscriptForm, kDataForm,
                                       kMapForm,    kWordForm,  kSpellForm};

// Without any wish they are about the figure.
bool has_form(const SynthOptions& options, std::string_view form) {
  if (options.question_forms.empty()) return form == kFigureForm;
  return std::ranges::find(options.question_forms, form) != options.question_forms.end();
}

void check_forms(const SynthOptions& options) {
  for (const std::string& form : options.question_forms) {
    if (std::ranges::find(kForms, form) != std::end(kForms)) continue;
    fail(ErrorCategory::InvalidArgument,
         "question_forms: '{}' is not a form of question about documents, expected one of {}", form,
         fmt::join(kForms, ", "));
  }
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

int64_t draw_most(std::span<const int64_t> easy, std::span<const int64_t> others, const FigureContext& context) {
  if (context.max_value) return *context.max_value;
  const auto most = context.is_easy ? easy : others;
  return most.size() == 1 ? most[0] : pick(context.draws, most);
}

SynthSample make_docs(const SynthOptions& options, RandomStream& draws) {
  check_figures(options);
  check_forms(options);
  const FigureEntry& figure = draw_figure(options, draws);
  const bool is_easy = options.difficulty == Difficulty::Easy;
  const Words words(is_easy, {.invented = options.invented_words, .common = options.common_words});
  const FigureContext context{words, draws, is_easy, options.difficulty == Difficulty::Hard, options.max_value};
  const ImageSize size = page_size(options, figure.name, draws);
  Page page(size, draw_page_style(options, draws));
  Questions questions = figure.draw(page, context);
  if (figure.renderer != Renderer::Page) page.truth()["renderer"] = enum_name(figure.renderer);
  if (!has_form(options, kFigureForm)) questions.clear();
  if (has_form(options, kTranscriptForm)) questions.push_back(transcript_question(page.truth()));
  if (has_form(options, kSpellForm)) questions.push_back(spelling_question(page.truth()));
  if (has_form(options, kDataForm)) std::ranges::move(data_question(page.truth()), std::back_inserter(questions));
  if (has_form(options, kMapForm)) questions.push_back(map_question(page));
  if (has_form(options, kPlaceForm)) std::ranges::move(place_questions(page.truth()), std::back_inserter(questions));
  if (has_form(options, kWordForm))
    std::ranges::move(word_questions(page, words, draws), std::back_inserter(questions));

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
