// The kind `docs`: charts, tables, documents, diagrams and screens with questions about them (PixMo-Docs). A figure
// draws itself on a page, says the truth about it, and asks everything that it can answer; docs.cpp chooses among that.
// Adding a figure is one file with its function and one line in docs.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "synth/page.h"
#include "synth/words.h"

namespace molmo::synth {

struct DocQuestion {
  std::string question, answer;
  double weight = 1;  // how often it is chosen among the others
};

struct FigureContext {
  const Words& words;
  RandomStream& draws;
  bool is_easy, is_hard;
  std::optional<int64_t> max_value;  // of charts and tables, instead of the difficulty's
};

// Largest value of a chart or column: what the context wants, else one of those for easy pictures or for others.
int64_t draw_most(std::span<const int64_t> easy, std::span<const int64_t> others, const FigureContext& context);

using Questions = std::vector<DocQuestion>;

Questions draw_bar_chart(Page& page, const FigureContext& context);
Questions draw_horizontal_bar_chart(Page& page, const FigureContext& context);
Questions draw_grouped_bar_chart(Page& page, const FigureContext& context);
Questions draw_line_chart(Page& page, const FigureContext& context);
Questions draw_pie_chart(Page& page, const FigureContext& context);
Questions draw_scatter_plot(Page& page, const FigureContext& context);
Questions draw_table(Page& page, const FigureContext& context);
Questions draw_receipt(Page& page, const FigureContext& context);
Questions draw_form(Page& page, const FigureContext& context);
Questions draw_letter(Page& page, const FigureContext& context);
Questions draw_poster(Page& page, const FigureContext& context);
Questions draw_word_list(Page& page, const FigureContext& context);
Questions draw_slide(Page& page, const FigureContext& context);
Questions draw_flow_chart(Page& page, const FigureContext& context);
Questions draw_tree_diagram(Page& page, const FigureContext& context);
Questions draw_screen(Page& page, const FigureContext& context);
// Drawn by other programs. Throw NotFound where one is not installed, Io where it fails.
Questions draw_graphviz_flow_chart(Page& page, const FigureContext& context);
Questions draw_graphviz_tree(Page& page, const FigureContext& context);
Questions draw_gnuplot_bar_chart(Page& page, const FigureContext& context);
Questions draw_gnuplot_grouped_bar_chart(Page& page, const FigureContext& context);
Questions draw_gnuplot_line_chart(Page& page, const FigureContext& context);
Questions draw_chromium_table(Page& page, const FigureContext& context);
Questions draw_chromium_receipt(Page& page, const FigureContext& context);

}  // namespace molmo::synth
