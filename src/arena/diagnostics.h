// Whether ratings deserve belief: do they predict how often models win, and do people agree with each other?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arena/comparison.h"
#include "arena/win_counts.h"

namespace molmo::arena {

// A pair of models that met, seen from the one with the higher rating.
struct PairOutcome {
  size_t stronger = 0, weaker = 0;
  int64_t num_comparisons = 0;
  double predicted = 0;  // share of wins of the stronger one by the fit; ties are half
  double observed = 0;
};
std::vector<PairOutcome> compare_with_prediction(const WinCounts& counts, std::span<const double> strengths);

struct CalibrationBin {
  double predicted = 0, observed = 0;  // means over its comparisons
  int64_t num_comparisons = 0;
};
struct Calibration {
  std::vector<CalibrationBin> bins;  // of equal width from 0.5 to 1, those with comparisons
  double mean_error = 0;             // |observed - predicted| of the bins, weighted by their comparisons
  double log_loss = 0;               // of the fit, per comparison; ln 2 is what a coin has
};
Calibration calibrate(std::span<const PairOutcome> pairs, int64_t num_bins = 10);

// Where several annotators rated the same two models on the same prompt. Unsure ones have no say.
struct Agreement {
  int64_t num_items = 0;  // prompts with two models that two or more people rated
  int64_t num_pairs = 0;  // of people who rated the same item
  double share = 0;       // of those pairs that said the same: the one model, the other, or a tie
  // Krippendorff's alpha of the three categories: 1 in full agreement, 0 as by chance. Nothing when everybody always
  // said the same category.
  std::optional<double> alpha;
};
// Nothing when no item was rated twice, or prompts and annotators are not known. Of several ratings of an item by one
// annotator the first counts.
std::optional<Agreement> annotator_agreement(const Comparisons& comparisons);

}  // namespace molmo::arena
