#include "arena/ratings.h"

#include <algorithm>
#include <cmath>

#include "arena/bradley_terry.h"
#include "arena/numpy_multinomial.h"
#include "arena/win_counts.h"
#include "base/error.h"
#include "base/threads.h"

namespace molmo::arena {
namespace {

constexpr size_t kMaxDrawnScores = 1 << 22;  // kept at a time

// Equal comparisons.
struct Cell {
  int32_t left = 0, right = 0;
  double score = 0;  // of the left one
  int64_t count = 0;
};

// In FastChat's order: models numbered as they appear, all left ones first; cells sorted by left, right and score.
std::vector<Cell> merge_cells(const Comparisons& comparisons) {
  const size_t n = comparisons.models.size();
  std::vector<int32_t> number(n, kUnknown), model;
  for (const auto side : {&Comparison::left, &Comparison::right}) {
    for (const Comparison& row : comparisons.rows) {
      int32_t& mine = number[static_cast<size_t>(row.*side)];
      if (!row.is_rated() || mine != kUnknown) continue;
      mine = static_cast<int32_t>(model.size());
      model.push_back(row.*side);
    }
  }
  std::vector<int64_t> counts(3 * n * n);
  for (const Comparison& row : comparisons.rows) {
    if (!row.is_rated()) continue;
    const auto left = static_cast<size_t>(number[static_cast<size_t>(row.left)]);
    const auto right = static_cast<size_t>(number[static_cast<size_t>(row.right)]);
    ++counts[3 * (left * n + right) + static_cast<size_t>(2 * left_score(row.outcome))];
  }
  std::vector<Cell> cells;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    cells.push_back({model[i / 3 / n], model[i / 3 % n], 0.5 * static_cast<double>(i % 3), counts[i]});
  }
  return cells;
}

// Between neighbours, as numpy's default does.
double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double low = sorted[below], high = sorted[std::min(below + 1, sorted.size() - 1)];
  return low + (high - low) * (place - static_cast<double>(below));
}

}  // namespace

std::vector<double> ratings_of(std::span<const double> strengths, const Offset& offset) {
  double level = 0;
  for (const double strength : strengths) level += strength / static_cast<double>(strengths.size());
  if (offset.anchor) level = strengths[*offset.anchor];
  std::vector<double> ratings;
  for (const double strength : strengths) ratings.push_back(offset.rating + kRatingPerStrength * (strength - level));
  return ratings;
}

std::vector<double> online_elo(const Comparisons& comparisons, const EloOptions& options) {
  std::vector<double> ratings(comparisons.models.size(), options.initial);
  for (const Comparison& row : comparisons.rows) {
    if (!row.is_rated()) continue;
    double &left = ratings[static_cast<size_t>(row.left)], &right = ratings[static_cast<size_t>(row.right)];
    const double change = options.k * (left_score(row.outcome) - win_probability((left - right) / kRatingPerStrength));
    left += change;
    right -= change;
  }
  return ratings;
}

Intervals bootstrap_intervals(const Comparisons& comparisons, const BootstrapOptions& options) {
  const std::vector<Cell> cells = merge_cells(comparisons);
  const size_t n = comparisons.models.size();
  int64_t total = 0;
  for (const Cell& cell : cells) total += cell.count;
  if (total == 0 || options.num_rounds == 0) return {};
  std::vector<double> probabilities;
  for (const Cell& cell : cells) probabilities.push_back(static_cast<double>(cell.count) / static_cast<double>(total));
  const std::vector<double> start = fit_bradley_terry(Scores(count_wins(comparisons))).strengths;

  const auto num_rounds = static_cast<size_t>(options.num_rounds);
  std::vector<double> ratings(n * num_rounds);  // by model, then round
  std::vector<uint8_t> has_prior(num_rounds);
  NumpyGenerator generator(options.seed);
  std::vector<int64_t> drawn(cells.size());
  const size_t chunk = std::clamp<size_t>(kMaxDrawnScores / (n * n), 1, num_rounds);
  std::vector<Scores> scores;
  for (size_t first = 0; first < num_rounds; first += chunk) {
    // The draws are one stream, so they are made here; the fits, which are most of the work, share the threads.
    const size_t count = std::min(chunk, num_rounds - first);
    scores.assign(count, Scores(n));
    for (Scores& round : scores) {
      generator.multinomial(total, probabilities, drawn);
      for (size_t i = 0; i < cells.size(); ++i) {
        const auto left = static_cast<size_t>(cells[i].left), right = static_cast<size_t>(cells[i].right);
        round.of(left, right) += cells[i].score * static_cast<double>(drawn[i]);
        round.of(right, left) += (1 - cells[i].score) * static_cast<double>(drawn[i]);
      }
    }
    parallel_for(static_cast<int64_t>(count), /*grain=*/4, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        const Fit fit = fit_bradley_terry(scores[i], start);
        has_prior[first + i] = fit.has_prior;
        const std::vector<double> of_round = ratings_of(fit.strengths, options.offset);
        for (size_t model = 0; model < n; ++model) ratings[model * num_rounds + first + i] = of_round[model];
      }
    });
  }

  Intervals intervals;
  intervals.num_rounds = options.num_rounds;
  intervals.num_prior_rounds = std::count(has_prior.begin(), has_prior.end(), uint8_t{1});
  for (size_t model = 0; model < n; ++model) {
    const std::span<double> mine(&ratings[model * num_rounds], num_rounds);
    std::ranges::sort(mine);
    intervals.low.push_back(quantile(mine, 0.025));
    intervals.median.push_back(quantile(mine, 0.5));
    intervals.high.push_back(quantile(mine, 0.975));
  }
  return intervals;
}

std::vector<RankRange> rank_ranges(const Intervals& intervals) {
  const size_t n = intervals.low.size();
  std::vector<RankRange> ranges(n, {1, static_cast<int64_t>(n)});
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      ranges[i].best += intervals.low[j] > intervals.high[i];
      ranges[i].worst -= intervals.high[j] < intervals.low[i];
    }
  }
  return ranges;
}

}  // namespace molmo::arena
