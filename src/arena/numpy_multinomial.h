// Draws of the multinomial distribution as numpy.random.default_rng(seed).multinomial gives them (PCG64, seeded by
// SeedSequence; binomials by inversion and by Kachitvichyanukul and Schmeiser's BTPE, 1988). Intervals from 100 rounds
// of resampling scatter by several points; with the same draws they are FastChat's own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace molmo::arena {

class NumpyGenerator {
 public:
  explicit NumpyGenerator(uint64_t seed);

  uint64_t next();
  double uniform();  // in [0, 1), 53 bits
  int64_t binomial(int64_t count, double probability);
  // How often each of the probabilities, which sum to 1, comes up in `count` draws. `drawn` is of the same size.
  void multinomial(int64_t count, std::span<const double> probabilities, std::span<int64_t> drawn);

 private:
  unsigned __int128 state_ = 0, increment_ = 0;
};

}  // namespace molmo::arena
