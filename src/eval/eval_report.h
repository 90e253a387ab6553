// The report of finished runs: one HTML page, the same as Markdown, and as JSON.
//   write_report(read_runs({"results/a", "results/b"}), "report");
// The table has the paper's columns and its average of eleven, with the paper's rows beside ours; then every score with
// its interval, scores by category, answers that were wrong (with pictures, where the run kept some), and, of two runs,
// what differs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "eval/finished_run.h"

namespace molmo::eval {

// {"runs": [{"name", "average_of_eleven", "benchmarks": [scores.json, ...]}], "paper": [...], "differences": [...]}
Json report_json(const std::vector<FinishedRun>& runs);
std::string report_markdown(const std::vector<FinishedRun>& runs);
std::string report_html(const std::vector<FinishedRun>& runs);

// report.html, report.md and report.json in the folder.
void write_report(const std::vector<FinishedRun>& runs, const std::filesystem::path& folder);

}  // namespace molmo::eval
