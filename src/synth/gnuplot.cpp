#include "synth/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "image/image.h"
#include "synth/chart.h"
#include "synth/draws.h"
#include "synth/renderer_program.h"

namespace molmo::synth {
namespace {

std::string rgb(Color color) {
  return fmt::format("rgb '{}'", to_hex(color));
}

// Of a tick; gnuplot formats these.
std::string tick_text(std::string_view text) {
  std::string doubled;
  for (const char character : text) doubled += character == '%' ? "%%" : std::string(1, character);
  return gnuplot_text(doubled);
}

constexpr double kHeadroom = 1.1;  // of the vertical axis above its last number, for what is written above a bar

// One bar: its middle, half of its width and its height in units of the axes.
struct Bar {
  double middle = 0, half_width = 0;
  int64_t value = 0;
  std::string color;
};

class Plot {
 public:
  Plot(Page& page, const ChartData& data, const FigureContext& context)
      : page_(page), data_(data), draws_(context.draws), axis_(value_axis(data)) {
    const PageStyle& style = page.style();
    size_ = page.size(context.is_easy ? 0.066 : data.categories.size() > 6 ? 0.036 : 0.043);
    add("set encoding utf8");
    add(fmt::format("set terminal pngcairo noenhanced size {:.0f},{:.0f} background {} font {} linewidth {:.2f}",
                    page.width(), page.height(), rgb(style.paper), font(size_), between(draws_, 0.8, 2)));
    add("set output ARG1");
    const std::string ink = rgb(style.ink);
    if (!data.title.empty())
      add(fmt::format("set title {} noenhanced textcolor {} font {}", gnuplot_text(data.title), ink,
                      font(size_ * 1.2)));
    if (!context.is_easy) add(fmt::format("set ylabel {} noenhanced textcolor {}", gnuplot_text(data.measure), ink));
    add(fmt::format("set border {} linecolor {}", pick(draws_, std::array{3, 3, 15, 31}), ink));
    if (chance(draws_, 0.6))
      add(fmt::format("set grid ytics back linecolor {} linetype {}", rgb(style.faint), chance(draws_, 0.5) ? 1 : 0));
    const auto count = static_cast<double>(data.categories.size());
    add(fmt::format("set xrange [-0.6:{:.1f}]", count - 0.4));
    // Every second number where they would touch.
    const double pitch = 0.4 * page.height() * static_cast<double>(axis_.step) / static_cast<double>(axis_.top);
    add(fmt::format("set ytics {} nomirror textcolor {}", pitch < 1.2 * size_ ? 2 * axis_.step : axis_.step, ink));
    double widest = 0;
    std::string ticks;
    for (size_t i = 0; i < data.categories.size(); ++i) {
      widest = std::max(widest, page.text_width(data.categories[i], size_));
      ticks += fmt::format("{}{} {}", i == 0 ? "" : ", ", tick_text(data.categories[i]), i);
    }
    static constexpr std::string_view kKeys[] = {"outside right top vertical", "outside bottom center horizontal",
                                                 "outside top center horizontal"};
    const size_t key = data.series.size() < 2 ? 1 : draws_.below(std::size(kKeys));
    plot_width_ = page.width() * (key == 0 ? 0.33 : 0.72);  // about
    const bool fits = widest * count < plot_width_;
    add(fmt::format("set xtics ({}) nomirror scale {} textcolor {}{}", ticks, chance(draws_, 0.5) ? 0 : 1, ink,
                    fits ? "" : " rotate by 45 right"));
    add(data.series.size() < 2 ? std::string("unset key")
                               : fmt::format("set key {} noenhanced textcolor {}", kKeys[key], ink));
  }

  void add(const std::string& line) { script_ += line + "\n"; }
  RandomStream& draws() { return draws_; }
  const ChartData& data() const { return data_; }
  double size() const { return size_; }
  // Whether a number fits above each of `count` bars that share the width.
  bool has_room_for_values(size_t count) const {
    return page_.text_width(std::to_string(axis_.top), size_) * static_cast<double>(count) * 1.5 < plot_width_;
  }

  std::string ink() const { return rgb(page_.style().ink); }

  // Runs `script so far; plot CURVES`, and says where the axes are. The order of `bars` is that of the truth.
  void draw(std::string_view figure, const std::string& curves, const std::vector<Bar>& bars) {
    const auto program = find_renderer_program(Renderer::Gnuplot);
    add(fmt::format("set yrange [0:{}]", kHeadroom * static_cast<double>(axis_.top)));
    add("plot " + curves);
    add("set output");
    add("set print '-'");
    add("print GPVAL_TERM_XMIN, GPVAL_TERM_XMAX, GPVAL_TERM_YMIN, GPVAL_TERM_YMAX");
    const TemporaryFolder folder;
    const std::string picture = (folder.path() / "chart.png").string(), script = (folder.path() / "chart.gp").string();
    write_file_atomic(script, script_);
    std::istringstream places(run_program(program, {"-d", "-c", script, picture}));
    double left = 0, right = 0, bottom = 0, top = 0;
    if (!(places >> left >> right >> bottom >> top)) {
      fail(ErrorCategory::Io, "{}: expected four numbers, the places of the axes, found '{}'", program.string(),
           places.str());
    }
    page_.paste(image::read_image(picture), 0, 0);
    axis_.from = page_.height() - bottom;
    axis_.to = page_.height() - (bottom + (top - bottom) / kHeadroom);
    const double count = static_cast<double>(data_.categories.size());
    const auto x = [&](double value) { return left + (right - left) * (value + 0.6) / (count + 0.2); };
    for (const Bar& bar : bars) {
      const double from = x(bar.middle - bar.half_width), to = x(bar.middle + bar.half_width),
                   head = axis_.at(static_cast<double>(bar.value));
      page_.truth()["bars"].push_back(
          {{"color", bar.color}, {"box", box_json(from, head, to - from, axis_.from - head)}});
    }
    if (bars.empty()) {
      for (const Series& series : data_.series) {
        for (size_t i = 0; i < series.values.size(); ++i) {
          page_.truth()["marks"].push_back({{"series", series.name},
                                            {"x", x(static_cast<double>(i))},
                                            {"y", axis_.at(static_cast<double>(series.values[i]))}});
        }
      }
    }
    describe_chart(page_, figure, data_, &axis_);
  }

 private:
  std::string font(double size) const {
    return gnuplot_text(fmt::format("{},{:.1f}", page_.style().font, size * 0.75));
  }

  Page& page_;
  const ChartData& data_;
  RandomStream& draws_;
  ValueAxis axis_;
  double size_ = 12, plot_width_ = 0;
  std::string script_;
};

void draw_bars(Plot& plot, std::string_view figure, const std::vector<std::vector<std::string>>& colors) {
  const ChartData& data = plot.data();
  const double share = between(plot.draws(), 0.5, 0.85), width = share / static_cast<double>(data.series.size());
  const bool wants_values = chance(plot.draws(), 0.5), has_border = chance(plot.draws(), 0.3);
  plot.add(has_border ? "set style fill solid 1 border lc " + plot.ink()
                      : std::string("set style fill solid 1 noborder"));
  const bool has_values = wants_values && plot.has_room_for_values(data.categories.size() * data.series.size());
  std::string curves;
  std::vector<Bar> bars;
  for (size_t i = 0; i < data.categories.size(); ++i) {
    for (size_t k = 0; k < data.series.size(); ++k) {
      const double middle =
          static_cast<double>(i) + width * (static_cast<double>(k) - (static_cast<double>(data.series.size()) - 1) / 2);
      bars.push_back({middle, width / 2, data.series[k].values[i], colors[k][i]});
    }
  }
  for (size_t k = 0; k < data.series.size(); ++k) {
    std::string block = fmt::format("$s{} << END\n", k);
    for (size_t i = 0; i < data.categories.size(); ++i) {
      const Bar& bar = bars[i * data.series.size() + k];
      block += fmt::format("{:.6f} {} {:.6f} {:.6f} {}\n", bar.middle, bar.value, bar.middle - bar.half_width,
                           bar.middle + bar.half_width, to_pixel(typical(bar.color)) & 0xFFFFFF);
    }
    plot.add(block + "END");
    // The key shows the colour of a line type, not that of the data.
    curves +=
        fmt::format("{}$s{} using 1:2:3:4:(0):2:5 with boxxyerror lc rgb variable notitle", k == 0 ? "" : ", ", k);
    curves += fmt::format(", NaN with boxes lc {} title {}", rgb(typical(data.series[k].color)),
                          gnuplot_text(data.series[k].name));
    if (has_values) {
      curves += fmt::format(", $s{} using 1:2:(sprintf('%d', $2)) with labels offset 0,0.5 textcolor {} notitle", k,
                            plot.ink());
    }
  }
  plot.draw(figure, curves, bars);
}

}  // namespace

std::string gnuplot_text(std::string_view text) {
  std::string quoted = "'";
  for (const char character : text) {
    if (character == '\n') {
      quoted += "'.\"\\n\".'";
    } else {
      quoted += character == '\'' ? "''" : std::string(1, character);
    }
  }
  return "(" + quoted + "')";
}

Questions draw_gnuplot_bar_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_bar_data(page, context, /*may_be_ordered=*/true);
  const std::vector<std::string> colors = draw_bar_colors(page, data, context);
  Plot plot(page, data, context);
  draw_bars(plot, "bar", {colors});
  return ask_about_bars(data, colors, context);
}

Questions draw_gnuplot_grouped_bar_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_grouped_bar_data(page, context);
  std::vector<std::vector<std::string>> colors;
  for (const Series& series : data.series) colors.emplace_back(data.categories.size(), series.color);
  Plot plot(page, data, context);
  draw_bars(plot, "grouped_bar", colors);
  return ask_about_grouped_bars(data, context);
}

Questions draw_gnuplot_line_chart(Page& page, const FigureContext& context) {
  const ChartData data = draw_line_data(page, context);
  Plot plot(page, data, context);
  static constexpr int kDots[] = {5, 7, 9, 11, 13};
  const double width = page.side() * between(context.draws, 0.003, 0.008);
  std::string curves;
  for (size_t k = 0; k < data.series.size(); ++k) {
    const Series& series = data.series[k];
    std::string block = fmt::format("$s{} << END\n", k);
    for (size_t i = 0; i < series.values.size(); ++i) block += fmt::format("{} {}\n", i, series.values[i]);
    plot.add(block + "END");
    curves += fmt::format("{}$s{} using 1:2 with linespoints lc {} lw {:.2f} pt {} ps {:.2f} title {}",
                          k == 0 ? "" : ", ", k, rgb(typical(series.color)), width, pick(context.draws, kDots),
                          plot.size() / 14, gnuplot_text(series.name));
  }
  plot.draw("line", curves, {});
  return ask_about_lines(data, context);
}

}  // namespace molmo::synth
