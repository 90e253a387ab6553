// Line charts and scatter plots.
#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "synth/canvas.h"
#include "synth/chart.h"
#include "synth/draws.h"
#include "synth/phrases.h"

namespace molmo::synth {
namespace {

void dot(Page& page, PointPx at, double radius, Color color) {
  set_color(page.cairo(), color);
  cairo_new_path(page.cairo());
  cairo_arc(page.cairo(), at.x, at.y, radius, 0, 2 * kPi);
  cairo_fill(page.cairo());
}

// Where two neighbours differ clearly, and how the whole runs.
void ask_about_trend(const ChartData& data, int64_t top, RandomStream& draws, Questions& questions) {
  const Series& series = pick(draws, data.series);
  const std::string whose = data.series.size() == 1 ? "the value" : "the value of " + series.name;
  const size_t at = draws.below(series.values.size() - 1);
  const int64_t change = series.values[at + 1] - series.values[at];
  if (std::abs(change) * 12 > top) {
    questions.push_back(
        {"Does " + whose + " rise or fall from " + data.categories[at] + " to " + data.categories[at + 1] + "?",
         change > 0 ? "It rises" : "It falls", 1.5});
  }
  const bool rises = std::is_sorted(series.values.begin(), series.values.end());
  const bool falls = std::is_sorted(series.values.rbegin(), series.values.rend());
  if (rises != falls) {
    questions.push_back({"What is the trend of " + whose + "?", rises ? "It rises" : "It falls", 2});
  }
}

}  // namespace

ChartData draw_line_data(const Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  ChartShape shape;
  shape.is_ordered = true;
  shape.num_categories = static_cast<size_t>(context.is_easy ? 3 : whole(draws, 4, context.is_hard ? 10 : 7));
  shape.num_series = context.is_easy ? 1 : static_cast<size_t>(whole(draws, 1, context.is_hard ? 3 : 2));
  ChartData data = draw_chart_data(page, shape, context);
  for (Series& series : data.series) {
    const double kind = draws.uniform();
    if (kind < 0.25) std::sort(series.values.begin(), series.values.end());
    if (kind > 0.75) std::sort(series.values.rbegin(), series.values.rend());
  }
  return data;
}

Questions ask_about_lines(const ChartData& data, const FigureContext& context) {
  Questions questions = ask_about_data(data, context);
  ask_about_trend(data, value_axis(data).top, context.draws, questions);
  questions.push_back({"What kind of chart is this?", "A line chart", 0.3});
  if (data.series.size() == 1) questions.push_back({"What color is the line?", capitalized(data.series[0].color), 0.7});
  return questions;
}

Questions draw_line_chart(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const ChartData data = draw_line_data(page, context);
  const bool has_values = data.series.size() == 1 && (context.is_easy || chance(draws, 0.5));
  const double size = context.is_easy ? page.size(0.095) : page.size(data.categories.size() > 6 ? 0.036 : 0.045);
  PlotArea plot = draw_chart_head(page, data, context, size);
  plot.bottom -= size * 1.4;
  ValueAxis axis = value_axis(data);
  if (has_values) plot.top += size;
  draw_value_axis(page, data, plot, axis, context, size, !has_values || chance(draws, 0.7));
  const double slot = plot.width() / static_cast<double>(data.categories.size());
  const double line_width = page.side() * between(draws, 0.008, 0.016), radius = line_width * between(draws, 1.2, 2);
  const bool has_dots = has_values || chance(draws, 0.7);
  for (const Series& series : data.series) {
    std::vector<PointPx> points;
    for (size_t i = 0; i < series.values.size(); ++i) {
      points.push_back(
          {plot.left + slot * (static_cast<double>(i) + 0.5), axis.at(static_cast<double>(series.values[i]))});
    }
    const Color color = typical(series.color);
    set_color(page.cairo(), color);
    cairo_set_line_width(page.cairo(), line_width);
    cairo_set_line_join(page.cairo(), CAIRO_LINE_JOIN_ROUND);
    cairo_new_path(page.cairo());
    for (const PointPx& point : points) cairo_line_to(page.cairo(), point.x, point.y);
    cairo_stroke(page.cairo());
    for (size_t i = 0; i < points.size(); ++i) {
      if (has_dots) dot(page, points[i], radius, color);
      page.truth()["marks"].push_back({{"series", series.name}, {"x", points[i].x}, {"y", points[i].y}});
      if (has_values) {
        // Below a valley, where the line does not run through it.
        const bool is_valley = (i == 0 || series.values[i - 1] > series.values[i]) &&
                               (i + 1 == points.size() || series.values[i + 1] > series.values[i]);
        const double below = points[i].y + radius + size * 0.25 + page.cap_height(size);
        const double baseline = is_valley && below < plot.bottom - 2 ? below : points[i].y - radius - size * 0.25;
        page.text(std::to_string(series.values[i]), {.x = points[i].x,
                                                     .baseline = baseline,
                                                     .size = size,
                                                     .align = Align::Center,
                                                     .style = FontStyle::Bold,
                                                     .max_width = slot});
      }
    }
  }
  for (size_t i = 0; i < data.categories.size(); ++i) {
    page.text(data.categories[i], {.x = plot.left + slot * (static_cast<double>(i) + 0.5),
                                   .baseline = plot.bottom + size * 1.15,
                                   .size = size,
                                   .align = Align::Center,
                                   .max_width = slot * 0.92});
  }
  describe_chart(page, "line", data, &axis);
  return ask_about_lines(data, context);
}

Questions draw_scatter_plot(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const std::string pair = context.words.pick("axis_pairs", draws);
  const std::string across = pair.substr(0, pair.find('/')), up = pair.substr(pair.find('/') + 1);
  ChartData data;
  data.title = up + " by " + across;
  const double size = context.is_easy ? page.size(0.095) : page.size(0.044);
  PlotArea plot = draw_chart_head(page, data, context, size);
  plot.bottom -= size * 1.4;
  page.text(
      across,
      {.x = (plot.left + plot.right) / 2, .baseline = plot.bottom + size * 1.1, .size = size, .align = Align::Center});
  page.text(up,
            {.x = plot.left, .baseline = plot.top + page.cap_height(size), .size = size, .max_width = plot.width()});
  plot.top += size * 1.4;
  const double line_width = std::max(1.0, page.side() * 0.005);
  page.line(plot.left, plot.top, plot.left, plot.bottom, page.style().ink, line_width);
  page.line(plot.left, plot.bottom, plot.right, plot.bottom, page.style().ink, line_width);

  // -1, 0 or 1; points lie apart so that they can be counted.
  const int64_t direction = whole(draws, -1, 1);
  const auto wanted =
      static_cast<size_t>(context.is_easy ? whole(draws, 4, 7) : whole(draws, 6, context.is_hard ? 24 : 12));
  const std::string& color = page.style().colors[0];
  const double radius = page.side() * (context.is_easy ? 0.024 : 0.014);
  std::vector<PointPx> points;
  for (int attempt = 0; attempt < 400 && points.size() < wanted; ++attempt) {
    const double x = between(draws, 0.06, 0.94);
    const double middle = direction == 0 ? 0.5 : direction > 0 ? x : 1 - x;
    const double y = std::clamp(middle + between(draws, -1, 1) * (direction == 0 ? 0.44 : 0.13), 0.05, 0.95);
    const PointPx point{plot.left + x * plot.width(), plot.bottom - y * plot.height()};
    const bool is_apart = std::none_of(points.begin(), points.end(), [&](const PointPx& other) {
      return std::hypot(other.x - point.x, other.y - point.y) < 2.6 * radius;
    });
    if (is_apart) points.push_back(point);
  }
  for (const PointPx& point : points) {
    dot(page, point, radius, typical(color));
    page.truth()["marks"].push_back({{"x", point.x}, {"y", point.y}});
  }
  describe_chart(page, "scatter", data, nullptr);
  page.truth()["direction"] = direction;
  page.truth()["color"] = color;
  Questions questions = {{"How many points are there?", std::to_string(points.size()), 1.5},
                         {"What is the title of the chart?", data.title, 1},
                         {"What is on the horizontal axis?", across, 1.5},
                         {"What is on the vertical axis?", up, 1.5},
                         {"What color are the points?", capitalized(color), 1},
                         {"What kind of chart is this?", "A scatter plot", 0.5}};
  if (direction != 0 && points.size() >= 5) {
    questions.push_back(
        {"Does " + up + " rise or fall with " + across + "?", direction > 0 ? "It rises" : "It falls", 2});
  }
  return questions;
}

}  // namespace molmo::synth
