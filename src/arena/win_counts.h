// How often each model won against each other one: all that the ratings depend on.
#pragma once

#include <cstdint>
#include <vector>

#include "arena/comparison.h"

namespace molmo::arena {

// Square tables of num_models x num_models, row by row.
struct WinCounts {
  size_t num_models = 0;
  std::vector<int64_t> wins;  // of the row's model over the column's
  std::vector<int64_t> ties;  // symmetric

  int64_t wins_of(size_t i, size_t j) const { return wins[i * num_models + j]; }
  int64_t ties_of(size_t i, size_t j) const { return ties[i * num_models + j]; }
  int64_t comparisons_of(size_t i, size_t j) const { return wins_of(i, j) + wins_of(j, i) + ties_of(i, j); }
};
WinCounts count_wins(const Comparisons& comparisons);

// What each model scored against each other one: wins, and half of the ties.
struct Scores {
  size_t num_models = 0;
  std::vector<double> scores;

  explicit Scores(size_t models) : num_models(models), scores(models * models) {}
  explicit Scores(const WinCounts& counts);
  double& of(size_t i, size_t j) { return scores[i * num_models + j]; }
  double of(size_t i, size_t j) const { return scores[i * num_models + j]; }
  double total() const;
};

// How far the comparisons tie the models together.
struct Connectivity {
  // Models of different groups have never met, directly or through others: nothing says how they compare.
  std::vector<std::vector<size_t>> groups;
  // Sets of models that never lost or tied, or never won or tied, against any other one of their group: the likelihood
  // puts them infinitely far above or below.
  std::vector<std::vector<size_t>> unbeaten, winless;

  // Finite ratings of greatest likelihood exist, and are unique but for an offset.
  bool is_complete() const { return groups.size() <= 1 && unbeaten.empty(); }
};
Connectivity find_connectivity(const Scores& scores);
bool is_strongly_connected(const Scores& scores);  // the same as is_complete(), quickly

}  // namespace molmo::arena
