// The report of finished runs: one HTML page, the same as Markdown, and as JSON.
//   write_report(read_runs({"results/a", "results/b"}), "report");
// The table has the paper's columns and its average of eleven, with the paper's rows beside ours; then every score with
// its interval, scores by category, answers that were wrong (with pictures, where the run kept some), and, of two runs,
// what differs.
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
};

struct FinishedRun {
  std::string name;                           // of the folder
  std::vector<FinishedBenchmark> benchmarks;  // in the order of eval/benchmark.h

  const FinishedBenchmark* find(std::string_view benchmark) const;
  std::array<std::optional<double>, kNumEleven> eleven() const;  // main scores in percent
};

// Throws NotFound for a folder without scores.
std::vector<FinishedRun> read_runs(const std::vector<std::filesystem::path>& folders);

// {"runs": [{"name", "average_of_eleven", "benchmarks": [scores.json, ...]}], "paper": [...], "differences": [...]}
Json report_json(const std::vector<FinishedRun>& runs);
std::string report_markdown(const std::vector<FinishedRun>& runs);
std::string report_html(const std::vector<FinishedRun>& runs);

// report.html, report.md and report.json in the folder.
void write_report(const std::vector<FinishedRun>& runs, const std::filesystem::path& folder);

}  // namespace molmo::eval
