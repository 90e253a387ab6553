// What runs left in their folders, read for reports.
//   const std::vector<FinishedRun> runs = read_runs({"results/a", "results/b"});
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "eval/paper_table.h"

namespace molmo::eval {

// What one benchmark left in a folder of `molmo eval run -o`.
struct FinishedBenchmark {
  std::filesystem::path folder;
  std::string name;
  std::shared_ptr<const Json> scores;                              // scores.json
  std::map<std::string, std::shared_ptr<const Json>> predictions;  // lines of predictions.jsonl, by id

  std::optional<double> score(std::string_view name) const;  // a mean; empty where it applied to nothing
  std::string remark() const;  // " (drawn pictures)", " (judged by ...; not finished)", or ""
};

struct FinishedRun {
  std::string name;                           // of the folder
  std::vector<FinishedBenchmark> benchmarks;  // in the order of eval/benchmark.h

  const FinishedBenchmark* find(std::string_view benchmark) const;
  std::array<std::optional<double>, kNumEleven> eleven() const;  // main scores in percent
  bool has_drawn_columns() const;                                // some of the eleven were asked about drawn pictures
};

// Throws NotFound for a folder without scores.
std::vector<FinishedRun> read_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace molmo::eval
