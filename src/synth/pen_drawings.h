// What people draw by hand, as lines: several ways for some kinds.
#pragma once

#include <cairo.h>

#include <string_view>
#include <vector>

#include "base/random.h"

namespace molmo::synth {

// A way to draw a kind, in a square from -1 to 1. One without an outline of its own has that of the shape of its name.
struct PenDrawing {
  std::string_view kind;
  void (*outline)(cairo_t*) = nullptr;                 // encloses what is filled
  void (*parts)(cairo_t*) = nullptr;                   // belong to the thing, and stay empty more often than not
  void (*details)(cairo_t*, RandomStream&) = nullptr;  // lines only, of which each drawing may have others
};

// Its shape, if it has one, and every other way; none where nobody knows how to draw it.
std::vector<PenDrawing> ways_to_draw(std::string_view kind);

}  // namespace molmo::synth
