// Scores of many questions, and what they come to: means with bootstrap intervals, over everything and by category.
//   ScoreTable table;   table.add({.scores = {{"correct", 1}}, .categories = {{"count", "3"}}});
//   const BenchmarkScores scores = table.summarize("synth-count", {});
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace molmo::eval {

using NamedValues = std::vector<std::pair<std::string, double>>;

// One question. A score that does not apply to it is not there.
struct ItemScores {
  NamedValues scores;
  std::vector<std::pair<std::string, std::string>> categories = {};  // {"count", "3"}
  std::string parsed = {};                                           // what was read out of the answer, for people
};

struct ScoreSummary {
  std::string name;
  int64_t n = 0;  // questions that it applies to, at least one
  double mean = 0;
  double low = 0, high = 0;  // 95 percent interval of the mean
};

// Categories in natural order: 2 before 10.
struct NaturalLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using CategoryScores = std::map<std::string, std::vector<ScoreSummary>, NaturalLess>;  // value -> scores

struct BenchmarkScores {
  std::string benchmark;
  int64_t n = 0;        // questions that were scored
  int64_t missing = 0;  // questions without an answer; they are not part of the means
  std::vector<ScoreSummary> scores;
  std::map<std::string, CategoryScores> by_category;  // category -> value -> scores

  const ScoreSummary* find(std::string_view name) const;  // nullptr where the score applied to nothing
  // {"benchmark", "n", "missing", "scores": {name: mean}, "numbers": {name: questions that it applies to},
  // "intervals": {name: [low, high]}, "by_category"}
  Json json() const;
};

// A further score: the mean over the values of a category of their means, so that each counts the same.
struct BalancedScore {
  std::string_view name, of, category;  // "per_count", of "correct", over the values of "count"
};

class ScoreTable {
 public:
  void add(ItemScores item) { items_.push_back(std::move(item)); }
  size_t size() const { return items_.size(); }
  // Scores in the order in which they first appear. The same items give the same intervals.
  BenchmarkScores summarize(std::string_view benchmark, const std::vector<BalancedScore>& balanced,
                            int64_t missing = 0) const;

 private:
  std::vector<ItemScores> items_;
};

// Mean and 95 percent interval by the percentile bootstrap, 1000 rounds. `values` is not empty.
ScoreSummary summarize_values(std::string name, const std::vector<double>& values);

}  // namespace molmo::eval
