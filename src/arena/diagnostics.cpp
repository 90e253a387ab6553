#include "arena/diagnostics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <tuple>

#include "arena/bradley_terry.h"

namespace molmo::arena {

std::vector<PairOutcome> compare_with_prediction(const WinCounts& counts, std::span<const double> strengths) {
  std::vector<PairOutcome> pairs;
  for (size_t i = 0; i < counts.num_models; ++i) {
    for (size_t j = i + 1; j < counts.num_models; ++j) {
      const int64_t num_comparisons = counts.comparisons_of(i, j);
      if (num_comparisons == 0) continue;
      const auto [stronger, weaker] = strengths[i] >= strengths[j] ? std::pair(i, j) : std::pair(j, i);
      const double score = static_cast<double>(counts.wins_of(stronger, weaker)) +
                           0.5 * static_cast<double>(counts.ties_of(stronger, weaker));
      pairs.push_back({stronger, weaker, num_comparisons, win_probability(strengths[stronger] - strengths[weaker]),
                       score / static_cast<double>(num_comparisons)});
    }
  }
  return pairs;
}

Calibration calibrate(std::span<const PairOutcome> pairs, int64_t num_bins) {
  std::vector<CalibrationBin> bins(static_cast<size_t>(num_bins));
  Calibration calibration;
  double total = 0;
  for (const PairOutcome& pair : pairs) {
    const auto place = static_cast<size_t>((pair.predicted - 0.5) * 2 * static_cast<double>(num_bins));
    CalibrationBin& bin = bins[std::min(place, bins.size() - 1)];
    const auto weight = static_cast<double>(pair.num_comparisons);
    bin.predicted += weight * pair.predicted;
    bin.observed += weight * pair.observed;
    bin.num_comparisons += pair.num_comparisons;
    total += weight;
    // Towards p = 1, 1 - p is rounded to 0 before its share of the outcomes vanishes.
    const double lost = std::max(1 - pair.predicted, 1e-300);
    calibration.log_loss -= weight * (pair.observed * std::log(pair.predicted) + (1 - pair.observed) * std::log(lost));
  }
  if (total == 0) return calibration;
  calibration.log_loss /= total;
  for (CalibrationBin& bin : bins) {
    if (bin.num_comparisons == 0) continue;
    const auto weight = static_cast<double>(bin.num_comparisons);
    bin.predicted /= weight;
    bin.observed /= weight;
    calibration.mean_error += weight / total * std::abs(bin.observed - bin.predicted);
    calibration.bins.push_back(bin);
  }
  return calibration;
}

std::optional<Agreement> annotator_agreement(const Comparisons& comparisons) {
  struct Rating {
    int32_t prompt, first_model, second_model, annotator;
    size_t row;
    int category;  // the first model of the two, a tie, the second
  };
  std::vector<Rating> ratings;  // sorted by prompt, by counting: there are many
  std::vector<size_t> ends(comparisons.prompts.size() + 1);
  const auto counts_for = [](const Comparison& row) {
    return row.is_rated() && row.prompt != kUnknown && row.annotator != kUnknown;
  };
  for (const Comparison& row : comparisons.rows) {
    if (counts_for(row)) ++ends[static_cast<size_t>(row.prompt) + 1];
  }
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  ratings.resize(ends.back());
  for (size_t i = 0; i < comparisons.rows.size(); ++i) {
    const Comparison& row = comparisons.rows[i];
    if (!counts_for(row)) continue;
    const bool is_swapped = row.right < row.left;
    const int side = is_tie(row.outcome) ? 1 : (row.outcome == Outcome::Left) == is_swapped ? 2 : 0;
    ratings[ends[static_cast<size_t>(row.prompt)]++] = {
        row.prompt, std::min(row.left, row.right), std::max(row.left, row.right), row.annotator, i, side};
  }
  const auto item = [](const Rating& rating) {
    return std::tuple(rating.prompt, rating.first_model, rating.second_model);
  };
  const auto item_and_person = [&](const Rating& rating) {
    return std::tuple_cat(item(rating), std::tuple(rating.annotator));
  };
  for (size_t begin = 0, prompt = 0; prompt < comparisons.prompts.size(); begin = ends[prompt++]) {
    std::ranges::sort(std::span(ratings).subspan(begin, ends[prompt] - begin), {}, [&](const Rating& rating) {
      return std::tuple_cat(item_and_person(rating), std::tuple(rating.row));
    });
  }
  const auto is_repeated = [&](const Rating& a, const Rating& b) { return item_and_person(a) == item_and_person(b); };
  ratings.erase(std::unique(ratings.begin(), ratings.end(), is_repeated), ratings.end());

  // Krippendorff's coincidences: every ordered pair of ratings of an item, weighted by one over its raters less one.
  Agreement agreement;
  double num_same_pairs = 0, num_ratings = 0, num_disagreements = 0;
  std::array<double, 3> totals{};
  for (size_t begin = 0, end = 0; begin < ratings.size(); begin = end) {
    while (end < ratings.size() && item(ratings[end]) == item(ratings[begin])) ++end;
    const auto raters = static_cast<double>(end - begin);
    if (raters < 2) continue;
    std::array<double, 3> counts{};
    for (size_t i = begin; i < end; ++i) ++counts[static_cast<size_t>(ratings[i].category)];
    ++agreement.num_items;
    agreement.num_pairs += static_cast<int64_t>(raters * (raters - 1) / 2);
    double same = 0;
    for (size_t c = 0; c < counts.size(); ++c) {
      same += counts[c] * (counts[c] - 1);
      totals[c] += counts[c];
    }
    num_same_pairs += same / 2;
    num_disagreements += raters - same / (raters - 1);
    num_ratings += raters;
  }
  if (agreement.num_items == 0) return std::nullopt;
  agreement.share = num_same_pairs / static_cast<double>(agreement.num_pairs);
  double by_chance = num_ratings * num_ratings;
  for (const double total : totals) by_chance -= total * total;
  if (by_chance > 0) agreement.alpha = 1 - (num_ratings - 1) * num_disagreements / by_chance;
  return agreement;
}

}  // namespace molmo::arena
