#include "arena/matchmaking.h"

#include <cmath>

#include "arena/bradley_terry.h"

namespace molmo::arena {

std::vector<NextPair> next_pairs(const Scores& scores, std::span<const double> strengths, int64_t count) {
  const size_t n = scores.num_models;
  std::vector<double> covariance = strength_covariance(scores, strengths);
  const auto between = [&](size_t i, size_t j) { return covariance[i * n + j]; };
  std::vector<NextPair> pairs;
  for (int64_t k = 0; k < count && n > 1; ++k) {
    NextPair best;
    double best_weight = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        const double p = win_probability(strengths[i] - strengths[j]), weight = p * (1 - p);
        const double variance = between(i, i) + between(j, j) - 2 * between(i, j);
        const double information = 0.5 * std::log1p(weight * variance);
        if (information <= best.information) continue;
        best = {i, j, information};
        best_weight = weight;
      }
    }
    if (best.information == 0) break;
    pairs.push_back(best);
    // What is known after it: the inverse with one more outer product (Sherman and Morrison).
    std::vector<double> change(n);
    for (size_t i = 0; i < n; ++i) change[i] = between(i, best.first) - between(i, best.second);
    const double shrink = best_weight / std::exp(2 * best.information);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) covariance[i * n + j] -= shrink * change[i] * change[j];
    }
  }
  return pairs;
}

}  // namespace molmo::arena
