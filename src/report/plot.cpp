#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "report/svg.h"

namespace molmo::report {
namespace {

constexpr double kWidth = 900, kHeight = 340;
constexpr double kLeft = 78, kRight = 16, kTop = 34, kBottom = 48;
constexpr int kTicks = 6;
constexpr double kLeastSpread = 1e-9;  // of a range, in parts of its values
constexpr size_t kColumns = 800;       // of thinned curves

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool is_empty() const { return low > high; }
  void widen() {
    if (is_empty()) *this = {0, 1};
    // Values that differ by rounding only are one value: ticks between them would be equal.
    const double size = std::max(std::abs(low), std::abs(high));
    if (high - low <= size * kLeastSpread) {
      const double margin = size == 0 ? 1 : size * 0.1;
      low -= margin;
      high += margin;
    }
  }
};

// Lowest and highest point of each column of the picture, in the order of the curve.
Series thin(const Series& series, const Range& x_range) {
  if (series.x.size() <= 2 * kColumns) return series;
  Series thinned{series.name, {}, {}};
  size_t begin = 0;
  const double step = (x_range.high - x_range.low) / static_cast<double>(kColumns);
  while (begin < series.x.size()) {
    const double edge = series.x[begin] + step;
    size_t end = begin + 1;
    while (end < series.x.size() && series.x[end] < edge) ++end;
    const auto first = series.y.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = series.y.begin() + static_cast<std::ptrdiff_t>(end);
    // Gaps compare as neither lower nor higher, so they are kept only where a column has nothing else.
    const auto less = [](double a, double b) { return std::isfinite(a) && (!std::isfinite(b) || a < b); };
    const auto more = [](double a, double b) { return std::isfinite(a) && (!std::isfinite(b) || a > b); };
    size_t low = static_cast<size_t>(std::min_element(first, last, less) - series.y.begin());
    size_t high = static_cast<size_t>(std::min_element(first, last, more) - series.y.begin());
    if (low > high) std::swap(low, high);
    for (const size_t i : {low, high}) {
      thinned.x.push_back(series.x[i]);
      thinned.y.push_back(series.y[i]);
      if (low == high) break;
    }
    begin = end;
  }
  return thinned;
}

class Axes {
 public:
  explicit Axes(const LinePlot& plot) : is_logarithmic_(plot.is_logarithmic) {
    for (const Series& series : plot.series) {
      for (size_t i = 0; i < series.x.size(); ++i) {
        const double y = scale(series.y[i]);
        if (!std::isfinite(series.x[i]) || !std::isfinite(y)) continue;
        x_range_.include(series.x[i]);
        y_range_.include(y);
      }
    }
    x_range_.widen();
    y_range_.widen();
    if (is_logarithmic_) {
      const double low = std::floor(y_range_.low), high = std::ceil(y_range_.high);
      y_ticks_ = axis_ticks(low, high, static_cast<int>(std::min(high - low, 6.0)));
      std::erase_if(y_ticks_, [](double tick) { return tick != std::floor(tick); });
      y_range_ = {low, high};
    } else {
      y_ticks_ = axis_ticks(y_range_.low, y_range_.high, kTicks);
      y_range_.include(y_ticks_.front());
      y_range_.include(y_ticks_.back());
    }
  }

  const Range& x_range() const { return x_range_; }
  double scale(double y) const { return is_logarithmic_ ? std::log10(y) : y; }  // NaN for what has no logarithm
  double place_x(double x) const {
    return kLeft + (x - x_range_.low) / (x_range_.high - x_range_.low) * (kWidth - kLeft - kRight);
  }
  double place_y(double scaled) const {
    return kHeight - kBottom - (scaled - y_range_.low) / (y_range_.high - y_range_.low) * (kHeight - kTop - kBottom);
  }

  std::string draw(const LinePlot& plot) const {
    std::string svg;
    for (const double tick : y_ticks_) {
      const double y = place_y(tick);
      svg += fmt::format(
          "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>\n",
          kLeft, kWidth - kRight, y, y);
      svg += svg_label(kLeft - 8, y + 4, "end", plot_number(is_logarithmic_ ? std::pow(10, tick) : tick));
    }
    for (const double tick : axis_ticks(x_range_.low, x_range_.high, kTicks)) {
      if (tick < x_range_.low || tick > x_range_.high) continue;
      svg += svg_label(place_x(tick), kHeight - kBottom + 18, "middle", plot_number(tick));
    }
    svg += svg_label((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", plot.x_label);
    const double middle = (kTop + kHeight - kBottom) / 2;
    svg += svg_label(16, middle, "middle", plot.y_label, fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle));
    return svg;
  }

 private:
  bool is_logarithmic_;
  Range x_range_, y_range_;
  std::vector<double> y_ticks_;
};

std::string curve(const Series& series, const Axes& axes, const char* color) {
  std::string path;
  bool is_pen_down = false;
  size_t run = 0;
  for (size_t i = 0; i < series.x.size(); ++i) {
    const double y = axes.scale(series.y[i]);
    if (!std::isfinite(series.x[i]) || !std::isfinite(y)) {
      is_pen_down = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", is_pen_down ? "L" : "M", axes.place_x(series.x[i]), axes.place_y(y));
    run = is_pen_down ? run + 1 : 1;
    const bool is_alone = run == 1 && (i + 1 == series.x.size() || !std::isfinite(axes.scale(series.y[i + 1])));
    if (is_alone) path += "h.1";  // a dot, by the round ends of the line
    is_pen_down = true;
  }
  return fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linecap=\"round\" "
      "stroke-linejoin=\"round\"/>\n",
      path, color);
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
  const double size = std::max(std::abs(low), std::abs(high));
  if (!(high - low > size * kLeastSpread) || !std::isfinite(high - low)) return {low};
  const double rough = (high - low) / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  const double step = power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
  std::vector<double> ticks;
  const double first = std::floor(low / step), last = std::ceil(high / step);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

Html line_plot(const LinePlot& plot) {
  for (const Series& series : plot.series) {
    if (series.x.size() != series.y.size()) {
      fail(ErrorCategory::InvalidArgument, "series '{}' has {} x and {} y, expected as many", series.name,
           series.x.size(), series.y.size());
    }
  }
  const Axes axes(plot);
  std::string svg = open_svg(kWidth, kHeight, fmt::format("{} over {}", plot.y_label, plot.x_label)) + axes.draw(plot);
  double legend_x = kLeft;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    const Series& series = plot.series[i];
    const char* color = kPlotColors[i % kPlotColors.size()];
    svg += curve(thin(series, axes.x_range()), axes, color);
    svg +=
        fmt::format("<rect x=\"{:.1f}\" y=\"10\" width=\"18\" height=\"4\" rx=\"2\" fill=\"{}\"/>\n", legend_x, color);
    svg += svg_label(legend_x + 24, 17, "start", series.name);
    legend_x += 44 + 7.5 * static_cast<double>(series.name.size());
  }
  return {svg + "</svg>"};
}

Html bar_plot(const std::vector<Bar>& bars, const std::string& value_label) {
  constexpr double kRow = 24, kNames = 240, kValues = 90;
  Range range{0, 0};
  for (const Bar& bar : bars) {
    if (std::isfinite(bar.value)) range.include(bar.value);
  }
  const double height = kRow * (static_cast<double>(bars.size()) + 1) + 8;
  const double unit = range.high > 0 ? (kWidth - kNames - kValues) / range.high : 0;
  std::string svg = open_svg(kWidth, height, value_label) + svg_label(kNames, 16, "start", value_label);
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = kRow * static_cast<double>(i + 1);
    const double length = std::isfinite(bars[i].value) ? std::max(0.0, bars[i].value * unit) : 0;
    svg += svg_label(kNames - 10, y + 16, "end", bars[i].name);
    svg += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"16\" rx=\"2\" fill=\"{}\"/>\n", kNames,
                       y + 4, length, kPlotColors[0]);
    svg += svg_label(kNames + length + 8, y + 16, "start", plot_number(bars[i].value));
  }
  return {svg + "</svg>"};
}

}  // namespace molmo::report
