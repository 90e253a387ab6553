// Which two models to show next: the pair whose comparison is expected to tell most.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arena/win_counts.h"

namespace molmo::arena {

struct NextPair {
  size_t first = 0, second = 0;
  // Expected gain of one comparison about all strengths together, in nats: log(1 + p (1 - p) v) / 2, with p the
  // probability that the first one wins and v the variance of the difference of their strengths (D-optimal design).
  double information = 0;
};

// The best pairs, one after another: each as if the ones before had been compared already, so that a batch does not ask
// the same thing many times. Models that hardly met others come first, then equal ones before unequal ones.
std::vector<NextPair> next_pairs(const Scores& scores, std::span<const double> strengths, int64_t count);

}  // namespace molmo::arena
