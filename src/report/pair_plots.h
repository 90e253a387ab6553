// Plots of models against each other, as SVG: values with their intervals, a table as colours, predictions against what
// was seen. Like report/plot.h they follow the page's colours; values that are not finite are left out.
#pragma once

#include <string>
#include <vector>

#include "report/page.h"

namespace molmo::report {

struct IntervalRow {
  std::string name;
  double value = 0, low = 0, high = 0;
};
// A dot on a line for each row, from top to bottom.
Html interval_plot(const std::vector<IntervalRow>& rows, const std::string& value_label);

struct HeatMap {
  std::vector<std::string> rows{}, columns{};
  std::vector<double> shares{};  // from 0 to 1, row by row; NaN: an empty cell
};
// One half is neutral. Each cell has its percentage in it where there is room.
Html heat_map(const HeatMap& map, const std::string& title);

struct ScatterPoint {
  double x = 0, y = 0, weight = 1;  // the area of the dot
};
struct ScatterPlot {
  std::string x_label{}, y_label{};
  std::vector<ScatterPoint> points{}, background{};  // full, and faint behind them
};
// With the line on which x and y are equal.
Html scatter_plot(const ScatterPlot& plot);

}  // namespace molmo::report
