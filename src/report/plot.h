// Plots as SVG: curves over a number, and bars over names.
//   Html svg = line_plot({.x_label = "step", .y_label = "loss", .series = {{"training", steps, losses}}});
// Colours follow the page (light or dark) and differ in lightness too. Points that are not finite leave gaps.
#pragma once

#include <string>
#include <vector>

#include "report/page.h"

namespace molmo::report {

struct Series {
  std::string name;
  std::vector<double> x, y;  // as many of one as of the other, x rising
};

struct LinePlot {
  std::string x_label{}, y_label{};
  std::vector<Series> series{};
  bool is_logarithmic = false;  // the y axis; values of 0 and less leave gaps
};

// Thousands of points are thinned to what the width can show: lowest and highest value of each column stay.
Html line_plot(const LinePlot& plot);

struct Bar {
  std::string name;
  double value;
};

// Horizontal bars with their values.
Html bar_plot(const std::vector<Bar>& bars, const std::string& value_label);

// Round numbers in and around [low, high], about `count` of them.
std::vector<double> axis_ticks(double low, double high, int count);

}  // namespace molmo::report
