// Charts drawn by gnuplot.
#pragma once

#include <string>
#include <string_view>

namespace molmo::synth {

// A text in gnuplot's language, as an expression whose value it is. Never between double quotes, where commands in
// backquotes would be run.
std::string gnuplot_text(std::string_view text);

}  // namespace molmo::synth
