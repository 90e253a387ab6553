// Everything that comparisons say about the models, in one value: for JSON, for the terminal and for a page.
//   Standings standings = compute_standings(read_comparisons("comparisons.csv"));
//   write_json_file("standings.json", standings_json(standings));
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arena/comparison.h"
#include "arena/diagnostics.h"
#include "arena/matchmaking.h"
#include "arena/ratings.h"
#include "arena/style.h"
#include "arena/win_counts.h"
#include "base/json.h"

namespace molmo::arena {

struct StandingsOptions {
  double rating = 1000;                 // of the anchor, or of the mean of all models
  std::optional<std::string> anchor{};  // name of a model
  int64_t num_rounds = 100;             // of resampling
  uint64_t seed = 0;
  EloOptions elo{};
  std::vector<Covariate> style{};  // covariates to control for; empty: no style control
  int64_t num_next_pairs = 0;
};

struct OutcomeCounts {
  int64_t rows = 0, rated = 0, left = 0, right = 0, both_good = 0, both_bad = 0, unsure = 0;
};

// Vectors are by model, in the order of `models`, which is sorted by name.
struct Standings {
  std::vector<std::string> models;
  OutcomeCounts counts;
  WinCounts wins;
  std::vector<double> strengths, ratings;
  std::vector<size_t> ranking;  // models from the highest rating to the lowest; equal ones by name
  std::vector<double> elo;
  EloOptions elo_options;
  std::optional<Intervals> intervals;
  std::vector<RankRange> rank_ranges;  // empty without intervals
  std::vector<PairOutcome> pairs;
  Calibration calibration;
  std::optional<Agreement> agreement;
  std::optional<StyleFit> style;
  std::vector<NextPair> next_pairs;
  std::vector<std::string> warnings;  // sentences: what the numbers do not say
};

// Throws BadData when nothing was rated, InvalidArgument for an anchor that is no model.
Standings compute_standings(const Comparisons& comparisons, const StandingsOptions& options = {});

// The keys are those of fixtures/arena/expected.json as far as they apply, and ranks, calibration, agreement, style,
// next_pairs and warnings. See docs/arena.md.
Json standings_json(const Standings& standings);

}  // namespace molmo::arena
