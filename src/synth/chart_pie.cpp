// Pie charts, and rings.
#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "synth/canvas.h"
#include "synth/chart.h"
#include "synth/draws.h"
#include "synth/phrases.h"

namespace molmo::synth {
namespace {

// Whole percents that sum to 100 and differ by at least `apart`.
std::vector<int64_t> draw_shares(size_t count, int64_t step, int64_t apart, RandomStream& draws) {
  for (;;) {
    std::vector<int64_t> shares;
    int64_t left = 100 / step;
    for (size_t i = 0; i + 1 < count; ++i) {
      const auto others = static_cast<int64_t>(count - 1 - i);
      const int64_t share = whole(draws, 1, std::max<int64_t>(1, left - others));
      shares.push_back(share * step);
      left -= share;
    }
    shares.push_back(left * step);
    shuffle(draws, shares);
    std::vector<int64_t> sorted = shares;
    std::sort(sorted.begin(), sorted.end());
    bool is_clear = sorted[0] >= 5;
    for (size_t i = 1; i < count; ++i) is_clear = is_clear && sorted[i] - sorted[i - 1] >= apart;
    if (is_clear) return shares;
  }
}

Color readable_on(Color color) {
  return luminance(color) > 0.55 ? Color{0.08, 0.08, 0.08} : Color{1, 1, 1};
}

}  // namespace

Questions draw_pie_chart(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  ChartShape shape;
  shape.num_categories =
      static_cast<size_t>(context.is_easy ? whole(draws, 2, 3) : whole(draws, 3, context.is_hard ? 6 : 5));
  ChartData data = draw_chart_data(page, shape, context);
  const size_t count = data.categories.size();
  data.series[0].values = draw_shares(count, context.is_easy ? 10 : 5, context.is_easy ? 10 : count > 4 ? 0 : 5, draws);
  data.measure = "Share";
  const double size = page.size(context.is_easy ? 0.08 : 0.045);
  PlotArea plot = draw_chart_head(page, data, context, size);

  // The pie, and beside or below it the legend.
  const bool is_beside = chance(draws, 0.5);
  double legend_width = 0;
  for (const std::string& name : data.categories) legend_width = std::max(legend_width, page.text_width(name, size));
  legend_width = std::min(legend_width + size * 1.6, plot.width() * 0.45);
  const double legend_height = static_cast<double>(count) * size * 1.45;
  PlotArea area = plot;
  (is_beside ? area.right : area.bottom) -= is_beside ? legend_width : std::min(legend_height, plot.height() * 0.45);
  // Room for a number outside.
  const double radius = std::min(area.width() * 0.5 - size * 1.3, area.height() * 0.5 - size * 1.1);
  const PointPx center{(area.left + area.right) / 2, (area.top + area.bottom) / 2};
  const double hole = !context.is_easy && chance(draws, 0.25) ? radius * 0.5 : 0;
  const auto& colors = page.style().colors;
  double angle = chance(draws, 0.5) ? -kPi / 2 : between(draws, 0, 2 * kPi);
  cairo_t* cairo = page.cairo();
  for (size_t i = 0; i < count; ++i) {
    const int64_t share = data.series[0].values[i];
    const double turn = 2 * kPi * static_cast<double>(share) / 100;
    const Color color = typical(colors[i]);
    set_color(cairo, color);
    cairo_new_path(cairo);
    cairo_arc(cairo, center.x, center.y, radius, angle, angle + turn);
    if (hole > 0) {
      cairo_arc_negative(cairo, center.x, center.y, hole, angle + turn, angle);
    } else {
      cairo_line_to(cairo, center.x, center.y);
    }
    cairo_close_path(cairo);
    cairo_fill_preserve(cairo);
    set_color(cairo, page.style().paper);
    cairo_set_line_width(cairo, std::max(1.0, page.side() * 0.006));
    cairo_stroke(cairo);
    // A slice that is too narrow for its number has it outside.
    const std::string number = std::to_string(share) + "%";
    const double middle = angle + turn / 2, number_size = size * 0.9;
    const double width = page.text_width(number, number_size, FontStyle::Bold);
    // From the centre to the farthest corner of the number: it must not cross the rim.
    const auto extent = [&](double from_center) {
      return std::hypot(std::abs(from_center * std::cos(middle)) + width / 2,
                        std::abs(from_center * std::sin(middle)) + number_size * 0.4);
    };
    double inside = radius * (hole > 0 ? 0.76 : count == 2 ? 0.5 : 0.64);
    while (extent(inside) > 0.9 * radius && inside > (hole > 0 ? 0.72 : 0.35) * radius) inside -= 0.01 * radius;
    const bool fits = extent(inside) <= 0.9 * radius && (share >= 25 || inside * turn > width * 1.1);
    // Outside it clears the rim by its own half extent in that direction, as far as the picture goes.
    const double half_extent = std::abs(std::cos(middle)) * width / 2 + std::abs(std::sin(middle)) * number_size * 0.4;
    const double outside = radius + std::max(number_size * 0.85, number_size * 0.2 + half_extent);
    const double reach = fits ? inside : outside;
    const double margin = width / 2 + 0.01 * page.side();
    const Color ink = fits ? readable_on(color) : page.style().ink;
    page.text_at_middle(number,
                        {.x = std::clamp(center.x + reach * std::cos(middle), margin, page.width() - margin),
                         .size = number_size,
                         .align = Align::Center,
                         .style = FontStyle::Bold,
                         .color = &ink},
                        center.y + reach * std::sin(middle));
    page.truth()["slices"].push_back(
        {{"name", data.categories[i]}, {"color", colors[i]}, {"share", share}, {"from", angle}, {"to", angle + turn}});
    angle += turn;
    // Its line of the legend.
    const double x = is_beside ? plot.right - legend_width + size * 0.3 : plot.left + plot.width() * 0.25;
    const double line_height =
        std::min(size * 1.45, (is_beside ? plot.height() : plot.height() * 0.45) / static_cast<double>(count));
    const double y = (is_beside ? (plot.top + plot.bottom - legend_height) / 2 : area.bottom) +
                     line_height * (static_cast<double>(i) + 0.5);
    page.rectangle(x, y - size * 0.35, size * 0.7, size * 0.7, color);
    page.text_at_middle(data.categories[i], {.x = x + size, .size = size, .max_width = plot.right - x - size}, y);
  }
  page.truth()["center"] = {center.x, center.y};
  page.truth()["radius"] = radius;
  describe_chart(page, "pie", data, nullptr);

  Questions questions;
  const auto& shares = data.series[0].values;
  for (size_t i = 0; i < count; ++i) {
    const double weight = 3.0 / static_cast<double>(count);
    questions.push_back({"What is the share of " + data.categories[i] + "?", std::to_string(shares[i]) + "%", weight});
    questions.push_back(
        {"What color is the part of " + data.categories[i] + "?", capitalized(colors[i]), weight * 0.5});
    questions.push_back({"Which " + data.word + " is " + colors[i] + "?", data.categories[i], weight * 0.4});
  }
  const auto highest = std::max_element(shares.begin(), shares.end()),
             lowest = std::min_element(shares.begin(), shares.end());
  if (std::count(shares.begin(), shares.end(), *highest) == 1) {
    questions.push_back({"Which " + data.word + " has the largest share?",
                         data.categories[static_cast<size_t>(highest - shares.begin())], 1.5});
  }
  if (std::count(shares.begin(), shares.end(), *lowest) == 1) {
    questions.push_back({"Which " + data.word + " has the smallest share?",
                         data.categories[static_cast<size_t>(lowest - shares.begin())], 1.2});
  }
  questions.push_back({"How many parts does the pie have?", std::to_string(count), 1});
  if (!data.title.empty()) questions.push_back({"What is the title of the chart?", data.title, 0.8});
  questions.push_back({"What kind of chart is this?", "A pie chart", 0.3});
  return questions;
}

}  // namespace molmo::synth
