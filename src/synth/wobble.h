// An unsteady hand: the path is cut into short lines and moved by slow waves.
#pragma once

#include <array>

#include "base/random.h"
#include "synth/canvas.h"

namespace molmo::synth {

class Wobble {
 public:
  Wobble(double amount, RandomStream& draws);  // as a share of the size of what is drawn from -1 to 1

  void apply(cairo_t* cairo) const;  // to the path

 private:
  std::array<double, 2> move(std::array<double, 2> point) const;
  void line(cairo_t* cairo, std::array<double, 2> from, std::array<double, 2> to) const;

  double amount_;
  std::array<std::array<double, 2>, 4> waves_;
};

}  // namespace molmo::synth
