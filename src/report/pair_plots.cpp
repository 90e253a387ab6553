#include "report/pair_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "report/plot.h"
#include "report/svg.h"

namespace molmo::report {
namespace {

constexpr double kPairWidth = 900;
constexpr double kLetter = 8;  // about the width of one at the labels' size
constexpr double kMostNameWidth = 260;

double width_of(const std::vector<std::string>& names) {
  size_t longest = 0;
  for (const std::string& name : names) longest = std::max(longest, name.size());
  return std::min(kMostNameWidth, kLetter * static_cast<double>(longest) + 14);
}

// Cut to what fits, between characters.
std::string fitted(const std::string& name) {
  constexpr auto kMost = static_cast<size_t>(kMostNameWidth / kLetter);
  if (name.size() <= kMost) return name;
  size_t end = kMost - 1;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "…";
}

// Blue above the middle, orange below, as strong as it is far.
std::string cell_color(double share) {
  const bool is_high = share >= 0.5;
  const double strength = std::min(1.0, std::abs(share - 0.5) * 2);
  return fmt::format("fill=\"{}\" fill-opacity=\"{:.2f}\"", kPlotColors[is_high ? 0 : 1], 0.04 + 0.9 * strength);
}

}  // namespace

Html interval_plot(const std::vector<IntervalRow>& rows, const std::string& value_label) {
  constexpr double kRow = 22, kAbove = 12, kBelow = 46, kAfter = 70;
  std::vector<std::string> names;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const IntervalRow& row : rows) {
    names.push_back(row.name);
    for (const double value : {row.value, row.low, row.high}) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) low = 0, high = 1;
  const std::vector<double> ticks = axis_ticks(low, high, 8);
  low = std::min(low, ticks.front());
  high = std::max({high, ticks.back(), std::nextafter(low, INFINITY)});
  const double left = width_of(names), width = kPairWidth - left - kAfter;
  const double bottom = kAbove + kRow * static_cast<double>(rows.size());
  const auto place = [&](double value) { return left + (value - low) / (high - low) * width; };

  std::string svg = open_svg(kPairWidth, bottom + kBelow, value_label);
  for (const double tick : ticks) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2:.1f}\" stroke=\"currentColor\" "
        "stroke-opacity=\".15\"/>\n",
        place(tick), kAbove, bottom);
    svg += svg_label(place(tick), bottom + 18, "middle", plot_number(tick));
  }
  svg += svg_label(left + width / 2, bottom + 38, "middle", value_label);
  for (size_t i = 0; i < rows.size(); ++i) {
    const IntervalRow& row = rows[i];
    const double y = kAbove + kRow * (static_cast<double>(i) + 0.5);
    svg += svg_label(left - 10, y + 4.5, "end", fitted(row.name));
    if (std::isfinite(row.low) && std::isfinite(row.high)) {
      svg += fmt::format(
          "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"3\" "
          "stroke-opacity=\".45\" stroke-linecap=\"round\"/>\n",
          place(row.low), place(row.high), y, y, kPlotColors[0]);
    }
    if (!std::isfinite(row.value)) continue;
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" fill=\"{}\"/>\n", place(row.value), y,
                       kPlotColors[0]);
    svg += svg_label(kPairWidth - kAfter + 14, y + 4.5, "start", fmt::format("{:.0f}", row.value));
  }
  return {svg + "</svg>"};
}

Html heat_map(const HeatMap& map, const std::string& title) {
  if (map.shares.size() != map.rows.size() * map.columns.size()) {
    fail(ErrorCategory::InvalidArgument, "a heat map of {} rows and {} columns has {} shares", map.rows.size(),
         map.columns.size(), map.shares.size());
  }
  constexpr double kSmallestCell = 4, kLargestCell = 34, kCellForText = 22;
  const double left = width_of(map.rows), top = width_of(map.columns);
  const double cell = std::clamp((kPairWidth - left) / static_cast<double>(std::max<size_t>(map.columns.size(), 1)),
                                 kSmallestCell, kLargestCell);
  const double width = left + cell * static_cast<double>(map.columns.size()) + 4;
  std::string svg = open_svg(std::max(width, left), top + cell * static_cast<double>(map.rows.size()) + 4, title);
  const bool has_names = cell >= 12;
  for (size_t column = 0; column < map.columns.size() && has_names; ++column) {
    const double x = left + cell * (static_cast<double>(column) + 0.5) + 4;
    svg += svg_label(x, top - 8, "start", fitted(map.columns[column]),
                     fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", x, top - 8));
  }
  for (size_t row = 0; row < map.rows.size(); ++row) {
    const double y = top + cell * static_cast<double>(row);
    if (has_names) svg += svg_label(left - 8, y + cell / 2 + 4.5, "end", fitted(map.rows[row]));
    for (size_t column = 0; column < map.columns.size(); ++column) {
      const double share = map.shares[row * map.columns.size() + column];
      if (!std::isfinite(share)) continue;
      const double x = left + cell * static_cast<double>(column);
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" {}><title>{} / {}: "
          "{:.1f} %</title></rect>\n",
          x, y, cell - 1, cell - 1, cell_color(share), text(map.rows[row]).code, text(map.columns[column]).code,
          100 * share);
      if (cell < kCellForText) continue;
      svg += svg_label(x + cell / 2 - 0.5, y + cell / 2 + 4, "middle", fmt::format("{:.0f}", 100 * share),
                       " font-size=\"11\" pointer-events=\"none\"");
    }
  }
  return {svg + "</svg>"};
}

Html scatter_plot(const ScatterPlot& plot) {
  constexpr double kSide = 420, kBefore = 64, kAbove = 14, kBelow = 48, kAfter = 20, kLargestArea = 90;
  double low = std::numeric_limits<double>::infinity(), high = -low, most = 0, most_behind = 0;
  const auto include = [&](const std::vector<ScatterPoint>& points, double& heaviest) {
    for (const ScatterPoint& point : points) {
      for (const double value : {point.x, point.y}) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
      }
      heaviest = std::max(heaviest, point.weight);
    }
  };
  include(plot.points, most);
  include(plot.background, most_behind);
  if (low > high) low = 0, high = 1;
  const std::vector<double> ticks = axis_ticks(low, high, 6);
  low = std::min(low, ticks.front());
  high = std::max({high, ticks.back(), std::nextafter(low, INFINITY)});
  const auto place_x = [&](double x) { return kBefore + (x - low) / (high - low) * kSide; };
  const auto place_y = [&](double y) { return kAbove + kSide - (y - low) / (high - low) * kSide; };

  std::string svg = open_svg(kBefore + kSide + kAfter, kAbove + kSide + kBelow,
                             fmt::format("{} over {}", plot.y_label, plot.x_label));
  for (const double tick : ticks) {
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"currentColor\" "
        "stroke-opacity=\".15\"/>\n",
        kBefore, kBefore + kSide, place_y(tick), place_y(tick));
    svg += svg_label(kBefore - 8, place_y(tick) + 4, "end", plot_number(tick));
    svg += svg_label(place_x(tick), kAbove + kSide + 18, "middle", plot_number(tick));
  }
  svg += fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"currentColor\" "
      "stroke-opacity=\".6\" stroke-dasharray=\"5 4\"/>\n",
      place_x(low), place_y(low), place_x(high), place_y(high));
  const auto draw = [&](const std::vector<ScatterPoint>& points, double heaviest, double area, std::string_view look) {
    for (const ScatterPoint& point : points) {
      if (!std::isfinite(point.x) || !std::isfinite(point.y) || !(point.weight > 0)) continue;
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" {}/>\n", place_x(point.x), place_y(point.y),
                         std::max(1.5, std::sqrt(area * point.weight / heaviest)), look);
    }
  };
  draw(plot.background, most_behind, kLargestArea / 6, fmt::format("fill=\"{}\" fill-opacity=\".3\"", kPlotColors[5]));
  draw(plot.points, most, kLargestArea, fmt::format("fill=\"{}\" fill-opacity=\".9\"", kPlotColors[0]));
  svg += svg_label(kBefore + kSide / 2, kAbove + kSide + 40, "middle", plot.x_label);
  const double middle = kAbove + kSide / 2;
  svg += svg_label(16, middle, "middle", plot.y_label, fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle));
  return {svg + "</svg>"};
}

}  // namespace molmo::report
