// What is in a data set, counted: conversations by style, words of answers, points of pictures.
//   const Statistics statistics = collect_statistics(*open_dataset(source), {});
//   statistics_page(statistics).write("stats.html");
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "report/page.h"

namespace molmo::data {

// How often whole numbers occur.
struct Histogram {
  std::map<uint64_t, uint64_t> counts;

  void add(uint64_t value) { ++counts[value]; }
  uint64_t total() const;                 // how many numbers there are
  double mean() const;                    // 0 of nothing
  uint64_t quantile(double share) const;  // the least number that is not below `share` of them; 0 of nothing
  uint64_t largest() const;
};

struct StyleStatistics {
  uint64_t num_conversations = 0;
  uint64_t num_turns = 0;  // a question and its answer
  Histogram question_words, answer_words;
  Histogram points;  // of a conversation that points
};

struct Statistics {
  std::string name;
  uint64_t num_examples = 0;  // that were read
  uint64_t num_pictures = 0;
  std::map<std::string, StyleStatistics> styles;
  Histogram conversations;  // of an example
  Histogram points;         // of an example that points
  uint64_t num_unreadable = 0;
  std::vector<std::string> problems;  // the first ones, with file and row

  Json json() const;
};

struct StatisticsOptions {
  uint64_t max_examples = 0;  // 0: all
  uint64_t seed = 0;          // of what examples leave to chance
  size_t max_problems = 20;   // that are kept
};

// Reads the examples, not the pictures. Examples that cannot be read are counted. Reports progress.
Statistics collect_statistics(const Dataset& dataset, const StatisticsOptions& options);

// Tables, and a picture of each histogram.
report::Page statistics_page(const Statistics& statistics);

}  // namespace molmo::data
