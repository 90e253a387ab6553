#include "eval/scores.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/random.h"

namespace molmo::eval {
namespace {

constexpr size_t kNumRounds = 1000;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Limits of the middle 95 percent.
void set_interval(ScoreSummary& summary, std::vector<double> means) {
  std::sort(means.begin(), means.end());
  const auto at = [&](double share) {
    return means[static_cast<size_t>(std::lround(share * static_cast<double>(means.size() - 1)))];
  };
  summary.low = at(0.025);
  summary.high = at(0.975);
}

double resampled_mean(const std::vector<double>& values, RandomStream& draws) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += values[draws.below(values.size())];
  return sum / static_cast<double>(values.size());
}

ScoreSummary summarize_balanced(std::string name, const std::vector<std::vector<double>>& groups) {
  ScoreSummary summary{.name = std::move(name)};
  std::vector<double> means;
  for (const auto& group : groups) {
    summary.n += static_cast<int64_t>(group.size());
    means.push_back(mean_of(group));
  }
  summary.mean = mean_of(means);
  RandomStream draws(0, "balanced bootstrap");
  std::vector<double> rounds;
  for (size_t round = 0; round < kNumRounds; ++round) {
    double sum = 0;
    for (const auto& group : groups) sum += resampled_mean(group, draws);
    rounds.push_back(sum / static_cast<double>(groups.size()));
  }
  set_interval(summary, std::move(rounds));
  return summary;
}

// Values of every score, in the order of their first appearance.
std::vector<std::pair<std::string, std::vector<double>>> collect(const std::vector<const ItemScores*>& items) {
  std::vector<std::pair<std::string, std::vector<double>>> columns;
  for (const ItemScores* item : items) {
    for (const auto& [name, value] : item->scores) {
      auto column = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.first == name; });
      if (column == columns.end()) column = columns.insert(columns.end(), {name, {}});
      column->second.push_back(value);
    }
  }
  return columns;
}

std::vector<ScoreSummary> summarize_items(const std::vector<const ItemScores*>& items) {
  std::vector<ScoreSummary> summaries;
  for (const auto& [name, values] : collect(items)) summaries.push_back(summarize_values(name, values));
  return summaries;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool NaturalLess::operator()(std::string_view a, std::string_view b) const {
  if (is_number(a) && is_number(b) && a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

ScoreSummary summarize_values(std::string name, const std::vector<double>& values) {
  ScoreSummary summary{.name = std::move(name), .n = static_cast<int64_t>(values.size()), .mean = mean_of(values)};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  summary.low = summary.high = summary.mean;
  if (*least == *most) return summary;
  RandomStream draws(0, "bootstrap");
  std::vector<double> means(kNumRounds);
  for (double& mean : means) mean = resampled_mean(values, draws);
  set_interval(summary, std::move(means));
  return summary;
}

BenchmarkScores ScoreTable::summarize(std::string_view benchmark, const std::vector<BalancedScore>& balanced,
                                      int64_t missing) const {
  BenchmarkScores result;
  result.benchmark = benchmark;
  result.n = static_cast<int64_t>(items_.size());
  result.missing = missing;
  std::vector<const ItemScores*> all;
  std::map<std::string, std::map<std::string, std::vector<const ItemScores*>, NaturalLess>> groups;
  for (const ItemScores& item : items_) {
    all.push_back(&item);
    for (const auto& [category, value] : item.categories) groups[category][value].push_back(&item);
  }
  result.scores = summarize_items(all);
  for (const auto& [category, values] : groups) {
    for (const auto& [value, items] : values) result.by_category[category][value] = summarize_items(items);
  }
  for (const BalancedScore& score : balanced) {
    std::vector<std::vector<double>> values;
    for (const auto& [unused, items] : groups[std::string(score.category)]) {
      for (auto& [name, column] : collect(items)) {
        if (name == score.of) values.push_back(std::move(column));
      }
    }
    if (!values.empty()) result.scores.push_back(summarize_balanced(std::string(score.name), values));
  }
  return result;
}

const ScoreSummary* BenchmarkScores::find(std::string_view name) const {
  const auto found = std::find_if(scores.begin(), scores.end(), [&](const auto& score) { return score.name == name; });
  return found == scores.end() ? nullptr : &*found;
}

Json BenchmarkScores::json() const {
  Json means = Json::object(), numbers = Json::object(), intervals = Json::object(), categories = Json::object();
  for (const ScoreSummary& score : scores) {
    means[score.name] = score.mean;
    numbers[score.name] = score.n;
    intervals[score.name] = {score.low, score.high};
  }
  for (const auto& [category, values] : by_category) {
    for (const auto& [value, summaries] : values) {
      Json& entry = categories[category][value] = Json::object();
      for (const ScoreSummary& score : summaries) {
        entry["n"] = std::max(entry.value("n", int64_t{0}), score.n);
        entry[score.name] = score.mean;
      }
    }
  }
  return {{"benchmark", benchmark},   {"n", n},
          {"missing", missing},       {"scores", means},
          {"numbers", numbers},       {"intervals", intervals},
          {"by_category", categories}};
}

}  // namespace molmo::eval
