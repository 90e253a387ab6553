// What charts share: their data, axes, titles and legends, and the questions that follow from the data alone.
#pragma once

#include <string>
#include <vector>

#include "synth/docs.h"

namespace molmo::synth {

struct Series {
  std::string name, color;
  std::vector<int64_t> values;  // one for each category
};

struct ChartData {
  std::string title, measure, word;  // word for one category: "fruit"
  std::vector<std::string> categories;
  std::vector<Series> series;
};

struct ChartShape {
  size_t num_categories = 3, num_series = 1;
  bool is_ordered = false;  // months, days, years
};
ChartData draw_chart_data(const Page& page, const ChartShape& shape, const FigureContext& context);

// Data of a figure by its difficulty.
ChartData draw_bar_data(const Page& page, const FigureContext& context, bool may_be_ordered);
ChartData draw_grouped_bar_data(const Page& page, const FigureContext& context);
ChartData draw_line_data(const Page& page, const FigureContext& context);
// Colours of the bars of a single series: one for all, or each its own.
std::vector<std::string> draw_bar_colors(const Page& page, const ChartData& data, const FigureContext& context);

// A vertical axis of values, from 0 to a round number above the largest.
struct ValueAxis {
  int64_t top = 10, step = 2;
  double from = 0, to = 0;  // pixels of 0 and of `top`
  double at(double value) const { return from + (to - from) * value / static_cast<double>(top); }
};
ValueAxis value_axis(const ChartData& data);

// Rectangle that is left for bars and lines.
struct PlotArea {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

// Paints title and legend and says what room is left inside the margins. `label_size` is that of texts in the chart.
PlotArea draw_chart_head(Page& page, const ChartData& data, const FigureContext& context, double label_size);

// Axis with numbers left of the plot and lines through it; shrinks the plot by the room that they take.
void draw_value_axis(Page& page, const ChartData& data, PlotArea& plot, ValueAxis& axis, const FigureContext& context,
                     double label_size, bool has_numbers);
// The same along the bottom, for bars that lie.
void draw_lying_axis(Page& page, PlotArea& plot, ValueAxis& axis, double label_size, bool has_numbers);

// Values, comparisons, extremes, sums; of several series also which is higher.
Questions ask_about_data(const ChartData& data, const FigureContext& context);

// Everything that is asked about a figure; `colors` of the bars.
Questions ask_about_bars(const ChartData& data, const std::vector<std::string>& colors, const FigureContext& context);
Questions ask_about_grouped_bars(const ChartData& data, const FigureContext& context);
Questions ask_about_lines(const ChartData& data, const FigureContext& context);

void describe_chart(Page& page, std::string_view figure, const ChartData& data, const ValueAxis* axis);

}  // namespace molmo::synth
