// Scores of predictions that lie in a file, without a model.
//   const BenchmarkScores scores = score_predictions(benchmark, references, read_predictions("out.jsonl"), {});
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "eval/benchmark.h"
#include "eval/caption_judge.h"

namespace molmo::eval {

struct Reference {
  std::string id;
  std::shared_ptr<const Json> fields;
};

// {"id", "prediction"} lines. Throws BadData naming the line for anything else, and for an id that comes twice.
std::map<std::string, std::string> read_predictions(const std::filesystem::path& file);

// Of `references.jsonl` in the folder where there is one ({"id", ... the input fields of the metric}); else of the data
// set that was published there. Throws NotFound, BadData.
std::vector<Reference> read_references(const Benchmark& benchmark, const BenchmarkData& data);

struct ScoreOptions {
  config::Quirks quirks = config::Quirks::Fixed;
  bool allows_missing = false;  // score what is there; otherwise a missing prediction is an error
  std::shared_ptr<const CaptionJudge> judge = lexical_judge();  // of benchmarks that need one
};

// Throws BadData naming ids: predictions of questions that the benchmark does not have, and missing ones.
BenchmarkScores score_predictions(const Benchmark& benchmark, const std::vector<Reference>& references,
                                  const std::map<std::string, std::string>& predictions, const ScoreOptions& options);

}  // namespace molmo::eval
