// Pieces that the plots share.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace molmo::report {

// Okabe and Ito's palette: told apart with any colour vision.
constexpr std::array<const char*, 7> kPlotColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#7a7a7a"};

std::string open_svg(double width, double height, std::string_view title);
std::string svg_label(double x, double y, std::string_view anchor, std::string_view content,
                      std::string_view more = "");
// Short, with k and M for thousands and millions.
std::string plot_number(double value);

}  // namespace molmo::report
