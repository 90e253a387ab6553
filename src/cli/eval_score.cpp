// molmo eval score BENCHMARK --predictions FILE --data DIR
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/flags.h"
#include "cli/judge_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "eval/score_predictions.h"

namespace molmo::cli {
namespace {

class EvalScore final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Scores the predictions of any model, without loading one. Predictions are JSON lines, {\"id\", "
        "\"prediction\"}; "
        "the folder holds references.jsonl, as `molmo eval run -o` writes it, or the files of the benchmark as they "
        "were "
        "published.");
    flags.examples(
        "# what another program answered to ChartQA\n"
        "molmo eval score chart_qa --predictions answers.jsonl --data ChartQA\n"
        "# a run of our own again, with the defects of the reference\n"
        "molmo eval score synth-count --predictions results/synth-count/predictions.jsonl --data results/synth-count "
        "--quirks reference\n");
    flags.add_option("BENCHMARK", name_, "what the predictions are for").required().group("Arguments");
    flags.add_option("--predictions", predictions_, "file of predictions").type_name("FILE").required();
    flags.add_option("--data", data_.path, "folder of the references").type_name("DIR").required();
    flags.add_option("--option", data_.options, "a setting of the data set, see docs/data.md")
        .type_name("KEY=VALUE")
        .takes_one();
    flags.add_enum("--quirks", options_.quirks, "score as the reference does, or repaired");
    flags.add_flag("--partial", options_.allows_missing, "score what is there although predictions are missing");
    judge_.define(flags);
    flags.add_flag("--json", is_json_, "print one JSON document");
  }

  int run() override {
    const eval::Benchmark& benchmark = eval::find_benchmark(name_);
    options_.judge = judge_.open();
    const eval::BenchmarkScores scores = eval::score_predictions(benchmark, eval::read_references(benchmark, data_),
                                                                 eval::read_predictions(predictions_), options_);
    if (is_json_) {
      fmt::print("{}\n", dump_json(scores.json(), /*pretty=*/true));
      return kExitDone;
    }
    fmt::print("{}: {} questions", scores.benchmark, scores.n);
    if (scores.missing > 0) fmt::print(", {} without a prediction", scores.missing);
    fmt::print("\n");
    for (const eval::ScoreSummary& score : scores.scores)
      fmt::print("{:<32}{:>8}{:>10.4f}   {:.4f} to {:.4f}\n", score.name, score.n, score.mean, score.low, score.high);
    return kExitDone;
  }

 private:
  std::string name_;
  std::filesystem::path predictions_;
  eval::BenchmarkData data_;
  eval::ScoreOptions options_;
  bool is_json_ = false;
  JudgeFlags judge_;
};

}  // namespace

std::unique_ptr<Verb> make_eval_score() {
  return std::make_unique<EvalScore>();
}

}  // namespace molmo::cli
