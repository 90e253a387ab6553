// Asking a model the questions of a benchmark, and scoring what it answers.
//   const RunResult result = run_benchmark(find_benchmark("synth-points"), {.options = {"size=192"}}, *model, options);
// With a folder, everything is kept there in `<folder>/<benchmark>/`: predictions.jsonl (docs/evaluation.md),
// references.jsonl, scores.json, run.json, pictures of wrong answers, and submission.json where a test server has the
// answers; and the same call again goes on where it was interrupted. The same model, data and settings give the same
// answers, whatever was done before the interruption.
// Ranks of a process group share the examples, each with a file of its own; the first one joins and scores. A run may
// go on with another number of ranks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dist/process_group.h"
#include "eval/benchmark.h"
#include "eval/caption_judge.h"
#include "generate/session.h"

namespace molmo::eval {

struct RunOptions {
  std::filesystem::path output = {};  // empty: nothing is kept
  std::optional<int64_t> limit = {};  // examples; empty: all, or kDrawnExamples of data that is drawn
  int64_t batch_size = 16;            // questions that are answered together
  std::optional<int64_t> max_new_tokens = {}, max_crops = {};  // instead of the benchmark's
  uint64_t seed = 0;                                           // of what prompts leave to chance: templates, tags
  config::Quirks quirks = config::Quirks::Fixed;  // of the scores; prompts are those that models were trained on
  std::string model_name = {};                    // tells models apart in the folder
  std::function<bool()> is_stop_requested = [] { return false; };
  std::shared_ptr<const dist::ProcessGroup> group = nullptr;    // more than one rank needs `output`, seen by all
  std::shared_ptr<const CaptionJudge> judge = lexical_judge();  // of benchmarks that need one
};

constexpr int64_t kDrawnExamples = 300;

struct RunResult {
  BenchmarkScores scores;  // of what was answered; on the first rank
  bool is_finished = false;
  int64_t num_answered = 0;  // by this call, of all ranks
  double seconds = 0;        // that answering them took
};

// Throws InvalidArgument for a folder that holds the answers of another model, other data or other settings, and for
// ranks without a folder; what a judge throws.
RunResult run_benchmark(const Benchmark& benchmark, const BenchmarkData& data, const generate::LoadedModel& model,
                        const RunOptions& options);

}  // namespace molmo::eval
