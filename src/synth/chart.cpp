#include "synth/chart.h"

#include <cairo.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "synth/draws.h"
#include "synth/phrases.h"

namespace molmo::synth {
namespace {

// Different values where that is possible, so that "the most" is one of them.
std::vector<int64_t> draw_values(size_t count, int64_t most, int64_t step, RandomStream& draws) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < count; ++i) {
    int64_t value = 0;
    for (int attempt = 0; attempt < 20; ++attempt) {
      value = step * whole(draws, std::max<int64_t>(1, most / step / 12), most / step);
      const bool is_clear = std::none_of(values.begin(), values.end(), [&](int64_t other) {
        return std::abs(other - value) * 25 < most || other == value;
      });
      if (is_clear) break;
    }
    values.push_back(value);
  }
  return values;
}

}  // namespace

ChartData draw_chart_data(const Page& page, const ChartShape& shape, const FigureContext& context) {
  RandomStream& draws = context.draws;
  ChartData data;
  const Topic& topic = shape.is_ordered ? context.words.series_topic(draws) : context.words.topic(draws);
  data.word = topic.word;
  if (chance(draws, 0.88)) data.title = context.words.title(topic, draws);
  data.measure = pick(draws, topic.measures);
  data.categories = shape.is_ordered ? context.words.pick_run(topic.categories, shape.num_categories, draws)
                                     : context.words.pick_some(topic.categories, shape.num_categories, draws);
  static constexpr int64_t kEasyMost[] = {10, 20};
  static constexpr int64_t kMost[] = {10, 20, 50, 80, 100, 200, 500, 1000, 2000};
  const int64_t most = draw_most(kEasyMost, kMost, context);
  // People like round numbers: 40, 70, 20.
  const int64_t step = context.max_value && most % 10 == 0 && most >= 50 && chance(draws, 0.35) ? most / 10 : 1;
  const std::vector<std::string> names = context.words.pick_some("series_names", shape.num_series, draws);
  const size_t first_color = draws.below(page.style().colors.size());
  for (size_t i = 0; i < shape.num_series; ++i) {
    Series series;
    series.name = names[i];
    series.color = page.style().colors[(first_color + i) % page.style().colors.size()];
    series.values = draw_values(data.categories.size(), most, step, draws);
    data.series.push_back(std::move(series));
  }
  return data;
}

ValueAxis value_axis(const ChartData& data) {
  int64_t most = 1;
  for (const Series& series : data.series)
    most = std::max(most, *std::max_element(series.values.begin(), series.values.end()));
  ValueAxis axis;
  for (int64_t power = 1;; power *= 10) {
    for (const int64_t unit : {1, 2, 5}) {
      axis.step = unit * power;
      if (axis.step * 5 < most) continue;
      axis.top = (most + axis.step - 1) / axis.step * axis.step;
      return axis;
    }
  }
}

PlotArea draw_chart_head(Page& page, const ChartData& data, const FigureContext& context, double label_size) {
  const double margin = 0.05 * page.side();
  PlotArea plot{margin, margin, page.width() - margin, page.height() - margin};
  if (!data.title.empty()) {
    const double size = label_size * 1.2;
    const bool is_left = !context.is_easy && chance(context.draws, 0.3);
    page.text(data.title, {.x = is_left ? plot.left : page.width() / 2,
                           .baseline = plot.top + page.cap_height(size),
                           .size = size,
                           .align = is_left ? Align::Left : Align::Center,
                           .style = FontStyle::Bold,
                           .max_width = plot.width()});
    plot.top += size * 1.35;
  }
  if (data.series.size() < 2) return plot;
  // A row of coloured squares with names.
  double total = 0;
  const auto entry_width = [&](const Series& series, double size) {
    return page.text_width(series.name, size) + size * 2;
  };
  double size = label_size * 0.9;
  for (const Series& series : data.series) total += entry_width(series, size);
  if (total > plot.width()) size *= plot.width() / total, total = plot.width();
  double x = page.width() / 2 - total / 2;
  for (const Series& series : data.series) {
    page.rectangle(x, plot.top, size * 0.8, size * 0.8, typical(series.color));
    page.text_at_middle(series.name, {.x = x + size * 1.1, .size = size}, plot.top + size * 0.4);
    x += entry_width(series, size);
  }
  plot.top += size * 1.6;
  return plot;
}

void draw_value_axis(Page& page, const ChartData& data, PlotArea& plot, ValueAxis& axis, const FigureContext& context,
                     double label_size, bool has_numbers) {
  const double size = label_size * 0.85;
  if (!context.is_easy && !data.measure.empty()) {
    page.text(data.measure,
              {.x = plot.left, .baseline = plot.top + page.cap_height(size), .size = size, .style = FontStyle::Italic});
    plot.top += size * 1.2;
  }
  if (has_numbers) plot.left += page.text_width(std::to_string(axis.top), size) + size * 0.5;
  plot.top += size * 0.6;
  axis.from = plot.bottom;
  axis.to = plot.top;
  const double line_width = std::max(1.0, page.side() * 0.003);
  for (int64_t value = 0; value <= axis.top; value += axis.step) {
    const double y = std::round(axis.at(static_cast<double>(value))) + 0.5;
    if (has_numbers) {
      page.line(plot.left, y, plot.right, y, page.style().faint, line_width);
      page.text_at_middle(std::to_string(value), {.x = plot.left - size * 0.4, .size = size, .align = Align::Right}, y);
    }
  }
  page.line(plot.left, plot.bottom, plot.right, plot.bottom, page.style().ink, line_width * 1.5);
}

void draw_lying_axis(Page& page, PlotArea& plot, ValueAxis& axis, double label_size, bool has_numbers) {
  const double size = label_size * 0.85;
  if (has_numbers) plot.bottom -= size * 1.5;
  plot.right -= size;
  axis.from = plot.left;
  axis.to = plot.right;
  const double line_width = std::max(1.0, page.side() * 0.003);
  // Numbers that would touch each other are further apart.
  const double widest = page.text_width(std::to_string(axis.top), size) + size * 0.3;
  const double apart = plot.width() * static_cast<double>(axis.step) / static_cast<double>(axis.top);
  if (apart < widest) axis.step *= std::max<int64_t>(2, static_cast<int64_t>(std::ceil(widest / apart)));
  for (int64_t value = 0; has_numbers && value <= axis.top; value += axis.step) {
    const double x = std::round(axis.at(static_cast<double>(value))) + 0.5;
    page.line(x, plot.top, x, plot.bottom, page.style().faint, line_width);
    page.text(std::to_string(value),
              {.x = x, .baseline = plot.bottom + size * 1.2, .size = size, .align = Align::Center});
  }
  page.line(plot.left, plot.top, plot.left, plot.bottom, page.style().ink, line_width * 1.5);
}

namespace {

void ask_about_series(const ChartData& data, const Series& series, bool is_only, RandomStream& draws,
                      Questions& questions) {
  const std::string of = is_only ? "" : " of " + series.name;
  const auto& values = series.values;
  const auto& names = data.categories;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string number = std::to_string(values[i]);
    const std::string asked = is_only ? (chance(draws, 0.5) ? "What is the value of " + names[i] + "?"
                                                            : "What is the value for " + names[i] + "?")
                                      : "What is the value of " + series.name + " for " + names[i] + "?";
    questions.push_back({asked, number, 4.0 / static_cast<double>(values.size())});
  }
  const auto highest = std::max_element(values.begin(), values.end()),
             lowest = std::min_element(values.begin(), values.end());
  const auto count = [&](int64_t value) { return std::count(values.begin(), values.end(), value); };
  const auto name = [&](auto at) { return names[static_cast<size_t>(at - values.begin())]; };
  const auto which = [&] { return "Which " + (chance(draws, 0.75) ? data.word : "category"); };
  if (values.size() > 1 && count(*highest) == 1) {
    questions.push_back({which() + " has the highest value" + of + "?", name(highest), 1.5});
  }
  if (values.size() > 1 && count(*lowest) == 1) {
    questions.push_back({which() + " has the lowest value" + of + "?", name(lowest), 1.5});
  }
  questions.push_back({"What is the highest value" + of + "?", std::to_string(*highest), 0.7});
  questions.push_back({"What is the lowest value" + of + "?", std::to_string(*lowest), 0.5});
  if (values.size() < 2) return;
  const size_t a = draws.below(values.size());
  const size_t b = (a + 1 + draws.below(values.size() - 1)) % values.size();
  if (values[a] != values[b]) {
    questions.push_back({"Is the value of " + names[a] + of + " higher than that of " + names[b] + "?",
                         values[a] > values[b] ? "Yes" : "No", 1.2});
    questions.push_back({"What is the difference between " + names[a] + " and " + names[b] +
                             (is_only ? "" : " in " + series.name) + "?",
                         std::to_string(std::abs(values[a] - values[b])), 0.5});
  }
  if (values.size() <= 4) {
    questions.push_back({"What is the sum of all values" + of + "?",
                         std::to_string(std::accumulate(values.begin(), values.end(), int64_t{0})), 0.3});
  }
}

}  // namespace

Questions ask_about_data(const ChartData& data, const FigureContext& context) {
  RandomStream& draws = context.draws;
  Questions questions;
  for (const Series& series : data.series) {
    ask_about_series(data, series, data.series.size() == 1, draws, questions);
  }
  if (!data.title.empty()) questions.push_back({"What is the title of the chart?", data.title, 0.8});
  if (data.series.size() > 1) {
    questions.push_back({"How many entries does the legend have?", std::to_string(data.series.size()), 0.5});
    const size_t at = draws.below(data.categories.size());
    const Series &a = data.series[0], &b = data.series[1];
    if (a.values[at] != b.values[at]) {
      questions.push_back({"Which is higher for " + data.categories[at] + ", " + a.name + " or " + b.name + "?",
                           a.values[at] > b.values[at] ? a.name : b.name, 1.5});
    }
    const Series& named = pick(draws, data.series);
    questions.push_back({"What color stands for " + named.name + "?", capitalized(named.color), 0.8});
  }
  return questions;
}

void describe_chart(Page& page, std::string_view figure, const ChartData& data, const ValueAxis* axis) {
  Json& truth = page.truth();
  truth["part"] = "charts";
  truth["figure"] = figure;
  truth["title"] = data.title;
  truth["categories"] = data.categories;
  for (const Series& series : data.series) {
    truth["series"].push_back({{"name", series.name}, {"color", series.color}, {"values", series.values}});
  }
  if (axis) truth["axis"] = {{"top", axis->top}, {"step", axis->step}, {"from", axis->from}, {"to", axis->to}};
}

}  // namespace molmo::synth
