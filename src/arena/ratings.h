// Ratings in Elo points beside the plain fit of arena/bradley_terry.h: intervals by resampling, ranks with their
// uncertainty, and Elo's own rule applied comparison by comparison.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arena/comparison.h"

namespace molmo::arena {

// Where the scale is put: differences are all that comparisons tell.
struct Offset {
  double rating = 1000;            // of the mean, or of the anchor
  std::optional<size_t> anchor{};  // a model
};
std::vector<double> ratings_of(std::span<const double> strengths, const Offset& offset);

// Elo's update after each rated comparison, in the order of `comparisons`, on which the result depends.
struct EloOptions {
  double k = 4;           // most points that one comparison moves
  double initial = 1000;  // rating
};
std::vector<double> online_elo(const Comparisons& comparisons, const EloOptions& options = {});

// Percentiles 2.5, 50 and 97.5 of the ratings over the rounds, by model.
struct Intervals {
  int64_t num_rounds = 0;
  std::vector<double> low, median, high;
  int64_t num_prior_rounds = 0;  // in which the prior was needed (Fit::has_prior)
};

struct BootstrapOptions {
  int64_t num_rounds = 100;
  uint64_t seed = 0;
  Offset offset{};
};
// Each round draws as many comparisons as there are, with replacement, and fits anew. Equal comparisons (left, right,
// score) are one cell, and the cells' counts are drawn at once: the draws, their order and so the intervals are those
// of FastChat's bootstrap (serve/monitor/rating_systems.py) for seed 0. The same for any number of threads.
Intervals bootstrap_intervals(const Comparisons& comparisons, const BootstrapOptions& options = {});

// The best and the worst rank that a model's interval allows, from 1: a model is surely above another one when its low
// end is above the other's high end.
struct RankRange {
  int64_t best = 1, worst = 1;
};
std::vector<RankRange> rank_ranges(const Intervals& intervals);

}  // namespace molmo::arena
