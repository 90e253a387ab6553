// Graphs drawn by graphviz.
#pragma once

#include <string>
#include <string_view>

namespace molmo::synth {

// A text as a label in the language DOT: quoted, and shown as it is.
std::string dot_label(std::string_view text);

}  // namespace molmo::synth
