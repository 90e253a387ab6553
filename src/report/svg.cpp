#include "report/svg.h"

#include <fmt/format.h>

#include <cmath>

#include "report/page.h"

namespace molmo::report {

std::string open_svg(double width, double height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"currentColor\">\n<title>{}</title>\n",
      width, height, width, height, text(title).code);
}

std::string svg_label(double x, double y, std::string_view anchor, std::string_view content, std::string_view more) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
                     text(content).code);
}

std::string plot_number(double value) {
  const double size = std::abs(value);
  if (value == 0) return "0";
  if (size >= 1e9 || size < 1e-3) return fmt::format("{:.3g}", value);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

}  // namespace molmo::report
