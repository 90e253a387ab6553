// Bar charts: standing, lying, and grouped by series.
#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "synth/chart.h"
#include "synth/draws.h"
#include "synth/phrases.h"

namespace molmo::synth {
namespace {

struct BarLook {
  bool has_values = true;   // above or beside each bar
  bool has_numbers = true;  // along the axis
  bool has_outline = false;
  FontStyle value_style = FontStyle::Bold;
  double fill = 0.6;  // share of its place that a bar takes
};

BarLook draw_bar_look(const FigureContext& context) {
  RandomStream& draws = context.draws;
  BarLook look;
  look.has_values = context.is_easy || chance(draws, context.is_hard ? 0.4 : 0.65);
  look.has_numbers = !look.has_values || chance(draws, context.is_easy ? 0.3 : 0.7);
  look.has_outline = chance(draws, 0.2);
  look.fill = between(draws, 0.5, 0.8);
  if (chance(draws, 0.4)) look.value_style = FontStyle::Regular;
  return look;
}

double label_size(const Page& page, const FigureContext& context, size_t num_labels) {
  if (context.is_easy) return page.size((num_labels > 3 ? 0.085 : 0.105) * between(context.draws, 0.75, 1));
  return page.size(num_labels > 6 ? 0.036 : 0.045);
}

void paint_bar(Page& page, double x, double y, double width, double height, const std::string& color,
               const BarLook& look) {
  page.rectangle(x, y, width, height, typical(color));
  if (look.has_outline)
    page.frame(x, y, width, height, mix(typical(color), {0, 0, 0}, 0.5), std::max(1.0, page.side() * 0.004));
  page.truth()["bars"].push_back({{"color", color}, {"box", box_json(x, y, width, height)}});
}

size_t draw_count(const FigureContext& context, int64_t easy_most, int64_t most) {
  return static_cast<size_t>(context.is_easy ? whole(context.draws, 2, easy_most) : whole(context.draws, 3, most));
}

}  // namespace

ChartData draw_bar_data(const Page& page, const FigureContext& context, bool may_be_ordered) {
  ChartShape shape;
  shape.num_categories = draw_count(context, 3, context.is_hard ? 10 : 7);
  shape.is_ordered = may_be_ordered && !context.is_easy && chance(context.draws, 0.25);
  return draw_chart_data(page, shape, context);
}

ChartData draw_grouped_bar_data(const Page& page, const FigureContext& context) {
  ChartShape shape;
  shape.num_categories = draw_count(context, 2, context.is_hard ? 6 : 4);
  shape.num_series = context.is_easy ? 2 : static_cast<size_t>(whole(context.draws, 2, context.is_hard ? 4 : 3));
  shape.is_ordered = !context.is_easy && chance(context.draws, 0.3);
  return draw_chart_data(page, shape, context);
}

std::vector<std::string> draw_bar_colors(const Page& page, const ChartData& data, const FigureContext& context) {
  const auto& colors = page.style().colors;
  if (data.categories.size() > colors.size() || !chance(context.draws, context.is_easy ? 0.6 : 0.4))
    return std::vector<std::string>(data.categories.size(), data.series[0].color);
  return {colors.begin(), colors.begin() + static_cast<std::ptrdiff_t>(data.categories.size())};
}

Questions ask_about_bars(const ChartData& data, const std::vector<std::string>& colors, const FigureContext& context) {
  Questions questions = ask_about_data(data, context);
  questions.push_back({"How many bars are there?", std::to_string(data.categories.size()), 1});
  questions.push_back({"What kind of chart is this?", "A bar chart", 0.3});
  const size_t at = context.draws.below(data.categories.size());
  if (colors.size() > 1 && colors[0] != colors[1]) {
    questions.push_back({"What color is the bar of " + data.categories[at] + "?", capitalized(colors[at]), 1.2});
    questions.push_back(
        {"What is the value of the " + colors[at] + " bar?", std::to_string(data.series[0].values[at]), 1});
    questions.push_back({"Which " + data.word + " has the " + colors[at] + " bar?", data.categories[at], 0.8});
  } else {
    questions.push_back({"What color are the bars?", capitalized(colors[0]), 0.6});
  }
  return questions;
}

Questions ask_about_grouped_bars(const ChartData& data, const FigureContext& context) {
  Questions questions = ask_about_data(data, context);
  questions.push_back({"How many bars are there?", std::to_string(data.categories.size() * data.series.size()), 0.5});
  questions.push_back({"What kind of chart is this?", "A bar chart", 0.3});
  return questions;
}

Questions draw_bar_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_bar_data(page, context, /*may_be_ordered=*/true);
  const BarLook look = draw_bar_look(context);
  const double size = label_size(page, context, data.categories.size());
  PlotArea plot = draw_chart_head(page, data, context, size);
  plot.bottom -= size * 1.4;
  ValueAxis axis = value_axis(data);
  if (look.has_values) plot.top += size * 0.7;
  draw_value_axis(page, data, plot, axis, context, size, look.has_numbers);
  const std::vector<std::string> colors = draw_bar_colors(page, data, context);
  const double slot = plot.width() / static_cast<double>(data.categories.size());
  for (size_t i = 0; i < data.categories.size(); ++i) {
    const double middle = plot.left + slot * (static_cast<double>(i) + 0.5);
    const double top = axis.at(static_cast<double>(data.series[0].values[i]));
    paint_bar(page, middle - slot * look.fill / 2, top, slot * look.fill, plot.bottom - top, colors[i], look);
    page.text(data.categories[i], {.x = middle,
                                   .baseline = plot.bottom + size * 1.15,
                                   .size = size,
                                   .align = Align::Center,
                                   .max_width = slot * 0.94});
    if (look.has_values) {
      page.text(std::to_string(data.series[0].values[i]), {.x = middle,
                                                           .baseline = top - size * 0.25,
                                                           .size = size,
                                                           .align = Align::Center,
                                                           .style = look.value_style,
                                                           .max_width = slot * 0.94});
    }
  }
  describe_chart(page, "bar", data, &axis);
  return ask_about_bars(data, colors, context);
}

Questions draw_horizontal_bar_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_bar_data(page, context, /*may_be_ordered=*/false);
  const BarLook look = draw_bar_look(context);
  const double size = label_size(page, context, data.categories.size());
  PlotArea plot = draw_chart_head(page, data, context, size);
  double widest = 0;
  for (const std::string& name : data.categories) widest = std::max(widest, page.text_width(name, size));
  widest = std::min(widest, page.width() * 0.35);
  plot.left += widest + size * 0.4;
  ValueAxis axis = value_axis(data);
  if (look.has_values) plot.right -= size * 1.6;
  draw_lying_axis(page, plot, axis, size, look.has_numbers);
  const std::vector<std::string> colors = draw_bar_colors(page, data, context);
  const double slot = plot.height() / static_cast<double>(data.categories.size());
  for (size_t i = 0; i < data.categories.size(); ++i) {
    const double middle = plot.top + slot * (static_cast<double>(i) + 0.5);
    const double end = axis.at(static_cast<double>(data.series[0].values[i]));
    paint_bar(page, plot.left, middle - slot * look.fill / 2, end - plot.left, slot * look.fill, colors[i], look);
    page.text_at_middle(data.categories[i],
                        {.x = plot.left - size * 0.3, .size = size, .align = Align::Right, .max_width = widest},
                        middle);
    if (look.has_values) {
      page.text_at_middle(std::to_string(data.series[0].values[i]),
                          {.x = end + size * 0.25,
                           .size = size,
                           .style = look.value_style,
                           .max_width = page.width() - end - size * 0.4},
                          middle);
    }
  }
  describe_chart(page, "horizontal_bar", data, &axis);
  return ask_about_bars(data, colors, context);
}

Questions draw_grouped_bar_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_grouped_bar_data(page, context);
  const BarLook look = draw_bar_look(context);
  const double size = label_size(page, context, data.categories.size() * data.series.size());
  PlotArea plot = draw_chart_head(page, data, context, size);
  plot.bottom -= size * 1.4;
  ValueAxis axis = value_axis(data);
  if (look.has_values) plot.top += size * 0.7;
  draw_value_axis(page, data, plot, axis, context, size, look.has_numbers);
  const double slot = plot.width() / static_cast<double>(data.categories.size());
  const double bar = slot * 0.84 / static_cast<double>(data.series.size());
  for (size_t i = 0; i < data.categories.size(); ++i) {
    const double left = plot.left + slot * static_cast<double>(i) + slot * 0.08;
    for (size_t k = 0; k < data.series.size(); ++k) {
      const int64_t value = data.series[k].values[i];
      const double x = left + bar * static_cast<double>(k), top = axis.at(static_cast<double>(value));
      paint_bar(page, x, top, bar * 0.94, plot.bottom - top, data.series[k].color, look);
      if (look.has_values) {
        page.text(std::to_string(value), {.x = x + bar * 0.47,
                                          .baseline = top - size * 0.2,
                                          .size = size * 0.9,
                                          .align = Align::Center,
                                          .max_width = bar * 0.94});
      }
    }
    page.text(data.categories[i], {.x = left + slot * 0.42,
                                   .baseline = plot.bottom + size * 1.15,
                                   .size = size,
                                   .align = Align::Center,
                                   .max_width = slot * 0.94});
  }
  describe_chart(page, "grouped_bar", data, &axis);
  return ask_about_grouped_bars(data, context);
}

}  // namespace molmo::synth
