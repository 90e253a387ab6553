// An unsteady hand: the path is cut into short lines and moved by slow waves, and by a tremor if one is wished: each
// piece strays from the one before, so that a line does not end where it began.
#pragma once

#include <array>
#include <vector>

#include "base/random.h"
#include "synth/canvas.h"

namespace molmo::synth {

class Wobble {
 public:
  // Both as a share of the size of what is drawn from -1 to 1.
  Wobble(double amount, RandomStream& draws, double tremor = 0);

  void apply(cairo_t* cairo) const;  // to the path

 private:
  std::array<double, 2> move(std::array<double, 2> point, size_t piece) const;
  void line(cairo_t* cairo, std::array<double, 2> from, std::array<double, 2> to, size_t& piece) const;

  double amount_;
  std::array<std::array<double, 2>, 4> waves_;
  std::vector<std::array<double, 2>> tremor_;  // of one piece after the other, over and over
};

}  // namespace molmo::synth
