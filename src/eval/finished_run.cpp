#include "eval/finished_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/line_log.h"
#include "eval/benchmark.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

// "not said: ...; not true: ...", the first few of each.
std::string missing_statements(const Json& line) {
  constexpr size_t kMost = 6;
  std::string text;
  for (const auto& [side, title] : {std::pair("reference", "not said"), std::pair("caption", "not borne out")}) {
    size_t count = 0;
    for (const Json& statement : line.at(side)) {
      if (statement.at(1).get<bool>() || ++count > kMost) continue;
      text += (count == 1 ? (text.empty() ? "" : "\n") + std::string(title) + ": " : "; ") +
              statement.at(0).get<std::string>();
    }
    if (count > kMost) text += fmt::format(" and {} more", count - kMost);
  }
  return text;
}

// What the judge said joins the predictions.
void add_judgements(FinishedBenchmark& benchmark) {
  read_lines(benchmark.folder / "judgements.jsonl", [&](const Json& line) {
    const auto found = benchmark.predictions.find(line.at("id").get<std::string>());
    if (found == benchmark.predictions.end() || line.at("judge") != benchmark.scores->value("judge", "") ||
        line.at("prediction") != found->second->at("prediction"))
      return;
    Json prediction = *found->second;
    prediction["scores"] = line.at("scores");
    prediction["parsed"] = missing_statements(line);
    found->second = std::make_shared<const Json>(std::move(prediction));
  });
}

std::vector<Json> read_predictions_of(const fs::path& file) {
  std::vector<Json> lines;
  if (!fs::exists(file)) return lines;
  const std::string text = read_file(file);
  size_t number = 0;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(parse_json(std::string_view(text).substr(begin, end - begin),
                               fmt::format("{}, line {}", file.string(), ++number)));
  return lines;
}

}  // namespace

std::optional<double> FinishedBenchmark::score(std::string_view which) const {
  const Json& means = scores->at("scores");
  const auto found = means.find(std::string(which));
  return found == means.end() ? std::nullopt : std::optional(found->get<double>());
}

std::string FinishedBenchmark::remark() const {
  const std::string judge = scores->value("judge", "");
  const bool is_complete = scores->value("is_finished", true);
  std::string remark = judge.empty() ? "" : "judged by " + judge;
  // The names of benchmarks that are always drawn say so.
  if (scores->value("is_drawn", false) && !is_drawn(find_benchmark(name)))
    remark += (remark.empty() ? "" : "; ") + std::string("drawn pictures");
  if (!is_complete) remark += (remark.empty() ? "" : "; ") + std::string("not finished");
  return remark.empty() ? "" : " (" + remark + ")";
}

const FinishedBenchmark* FinishedRun::find(std::string_view benchmark) const {
  const auto found = std::find_if(benchmarks.begin(), benchmarks.end(),
                                  [&](const FinishedBenchmark& b) { return b.name == benchmark; });
  return found == benchmarks.end() ? nullptr : &*found;
}

std::array<std::optional<double>, kNumEleven> FinishedRun::eleven() const {
  std::array<std::optional<double>, kNumEleven> scores;
  for (size_t i = 0; i < kNumEleven; ++i) {
    const Benchmark& column = find_benchmark(paper_columns()[i].benchmark);
    const FinishedBenchmark* benchmark = find(column.name);
    const auto score = benchmark ? benchmark->score(column.main_score) : std::nullopt;
    if (score) scores[i] = 100 * *score;
  }
  return scores;
}

bool FinishedRun::has_drawn_columns() const {
  return std::any_of(benchmarks.begin(), benchmarks.end(), [](const FinishedBenchmark& benchmark) {
    return is_of_eleven(benchmark.name) && benchmark.scores->value("is_drawn", false);
  });
}

std::vector<FinishedRun> read_runs(const std::vector<fs::path>& folders) {
  std::vector<FinishedRun> runs;
  for (const fs::path& folder : folders) {
    FinishedRun& run = runs.emplace_back();
    run.name = fs::weakly_canonical(folder).filename().string();
    for (const Benchmark& benchmark : benchmarks()) {
      const fs::path place = folder / benchmark.name;
      if (!fs::exists(place / "scores.json")) continue;
      FinishedBenchmark finished;
      finished.folder = place;
      finished.name = benchmark.name;
      finished.scores = std::make_shared<const Json>(read_json_file(place / "scores.json"));
      for (Json& line : read_predictions_of(place / "predictions.jsonl")) {
        const std::string id = line.at("id").get<std::string>();
        finished.predictions.emplace(id, std::make_shared<const Json>(std::move(line)));
      }
      add_judgements(finished);
      run.benchmarks.push_back(std::move(finished));
    }
    if (run.benchmarks.empty())
      fail(ErrorCategory::NotFound, "{}: no benchmark has left its scores.json here. Hint: molmo eval run ... -o {}",
           folder.string(), folder.string());
  }
  return runs;
}

}  // namespace molmo::eval
