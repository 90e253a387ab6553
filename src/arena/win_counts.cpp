#include "arena/win_counts.h"

#include <numeric>

namespace molmo::arena {
namespace {

// Models that can be reached from `start` by steps for which `has_step(from, to)` holds.
template <class HasStep>
std::vector<bool> reach(size_t num_models, size_t start, HasStep has_step) {
  std::vector<bool> is_reached(num_models);
  std::vector<size_t> open = {start};
  is_reached[start] = true;
  while (!open.empty()) {
    const size_t from = open.back();
    open.pop_back();
    for (size_t to = 0; to < num_models; ++to) {
      if (is_reached[to] || !has_step(from, to)) continue;
      is_reached[to] = true;
      open.push_back(to);
    }
  }
  return is_reached;
}

std::vector<size_t> members(const std::vector<bool>& is_member) {
  std::vector<size_t> models;
  for (size_t i = 0; i < is_member.size(); ++i) {
    if (is_member[i]) models.push_back(i);
  }
  return models;
}

}  // namespace

WinCounts count_wins(const Comparisons& comparisons) {
  WinCounts counts;
  counts.num_models = comparisons.models.size();
  counts.wins.resize(counts.num_models * counts.num_models);
  counts.ties.resize(counts.wins.size());
  for (const Comparison& row : comparisons.rows) {
    const size_t left = static_cast<size_t>(row.left), right = static_cast<size_t>(row.right);
    if (row.outcome == Outcome::Left) ++counts.wins[left * counts.num_models + right];
    if (row.outcome == Outcome::Right) ++counts.wins[right * counts.num_models + left];
    if (!is_tie(row.outcome)) continue;
    ++counts.ties[left * counts.num_models + right];
    ++counts.ties[right * counts.num_models + left];
  }
  return counts;
}

Scores::Scores(const WinCounts& counts) : Scores(counts.num_models) {
  for (size_t i = 0; i < scores.size(); ++i)
    scores[i] = static_cast<double>(counts.wins[i]) + 0.5 * static_cast<double>(counts.ties[i]);
}

double Scores::total() const {
  return std::accumulate(scores.begin(), scores.end(), 0.0);
}

bool is_strongly_connected(const Scores& scores) {
  const size_t n = scores.num_models;
  if (n == 0) return true;
  const auto all = [](const std::vector<bool>& is_reached) { return members(is_reached).size() == is_reached.size(); };
  return all(reach(n, 0, [&](size_t from, size_t to) { return scores.of(from, to) > 0; })) &&
         all(reach(n, 0, [&](size_t from, size_t to) { return scores.of(to, from) > 0; }));
}

Connectivity find_connectivity(const Scores& scores) {
  const size_t n = scores.num_models;
  Connectivity connectivity;
  std::vector<bool> is_grouped(n);
  for (size_t start = 0; start < n; ++start) {
    if (is_grouped[start]) continue;
    const std::vector<bool> group =
        reach(n, start, [&](size_t from, size_t to) { return scores.of(from, to) > 0 || scores.of(to, from) > 0; });
    connectivity.groups.push_back(members(group));
    std::vector<bool> is_placed(n);
    for (const size_t model : connectivity.groups.back()) {
      is_grouped[model] = true;
      if (is_placed[model]) continue;
      // Models that scored against each other in a circle.
      const auto below = reach(n, model, [&](size_t from, size_t to) { return scores.of(from, to) > 0; });
      const auto above = reach(n, model, [&](size_t from, size_t to) { return scores.of(to, from) > 0; });
      std::vector<bool> circle(n);
      for (size_t i = 0; i < n; ++i) circle[i] = below[i] && above[i];
      for (size_t i = 0; i < n; ++i) is_placed[i] = is_placed[i] || circle[i];
      if (circle == group) continue;
      if (above == circle) connectivity.unbeaten.push_back(members(circle));
      if (below == circle) connectivity.winless.push_back(members(circle));
    }
  }
  return connectivity;
}

}  // namespace molmo::arena
