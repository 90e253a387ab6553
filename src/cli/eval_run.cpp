// molmo eval run BENCHMARK... -m MODEL
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "eval/run.h"

namespace molmo::cli {
namespace {

std::string benchmark_list() {
  std::string list;
  for (const eval::Benchmark& benchmark : eval::benchmarks())
    list += fmt::format("{}{} ({})", list.empty() ? "" : "; ", benchmark.name, benchmark.summary);
  return list;
}

class EvalRun final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Asks a model the questions of benchmarks and scores its answers, decoded greedily. With -o every prompt, "
        "answer "
        "and score is kept, and the same command goes on where it was interrupted. Benchmarks: " +
        benchmark_list() + ".");
    flags.examples(
        "# how well does it point and count in drawn scenes of 192 pixels?\n"
        "molmo eval run synth-points synth-count -m MODEL --option size=192\n"
        "# all drawn sets, 500 pictures each, documents easier than the rest, kept in a folder\n"
        "molmo eval run synth -m MODEL --limit 500 --option size=192 --option synth-docs:difficulty=easy -o results\n");
    flags.add_option("BENCHMARK", names_, "what to measure; synth stands for all benchmarks that are drawn")
        .required()
        .group("Arguments");
    flags.add_option("--data", data_, "folder with the published files of the benchmark").type_name("DIR");
    flags.add_option("--option", options_, "a setting of the data set, or of one benchmark's: synth-docs:size=256")
        .type_name("KEY=VALUE")
        .takes_one();
    flags.add_option("--limit", run_.limit, "examples of each; without it all, or 300 of those that are drawn")
        .type_name("N")
        .range(1, 1 << 30);
    flags.add_option("-b,--batch-size", run_.batch_size, "questions that are answered together")
        .type_name("N")
        .range(1, 4096)
        .shows_default();
    flags.add_option("-n,--predict", run_.max_new_tokens, "most tokens of an answer; without it, the benchmark's")
        .type_name("N")
        .range(1, 1 << 20);
    flags.add_option("--max-crops", run_.max_crops, "crops of a picture; without it, the benchmark's").type_name("C");
    flags.add_option("-s,--seed", run_.seed, "of the phrasing of prompts").type_name("S").shows_default();
    flags.add_enum("--quirks", run_.quirks, "score as the reference does, or repaired");
    flags.add_option("-o,--output", run_.output, "folder for predictions and scores").type_name("DIR");
    flags.add_flag("--json", is_json_, "print one JSON document");
    model_.define(flags);
  }

  int run() override {
    const auto benchmarks = chosen_benchmarks();
    check_options(benchmarks);
    const TimedModel loaded = model_.load();
    run_.model_name = model_.identity();
    const InterruptibleWork interruptible(Signals::InterruptOrTerminate);
    run_.is_stop_requested = [&] { return interruptible.is_interrupted(); };
    Json results = Json::array();
    if (!is_json_) fmt::print("{:<16}{:>8}  {:<20}{:>8}   {}\n", "benchmark", "n", "score", "mean", "95 % interval");
    for (const eval::Benchmark* benchmark : benchmarks) {
      const eval::RunResult result =
          eval::run_benchmark(*benchmark, {.path = data_, .options = options_of(*benchmark)}, *loaded.model, run_);
      is_json_ ? results.push_back(result.scores.json()) : print(result);
      if (result.is_finished) continue;
      if (!is_json_) fmt::print("interrupted\n");
      break;
    }
    if (is_json_) fmt::print("{}\n", dump_json({{"model", run_.model_name}, {"benchmarks", results}}, /*pretty=*/true));
    return interruptible.is_interrupted() ? interruptible.exit_status() : kExitDone;
  }

 private:
  std::vector<const eval::Benchmark*> chosen_benchmarks() const {
    std::vector<const eval::Benchmark*> chosen;
    for (const std::string& name : names_) {
      if (name != "synth") {
        chosen.push_back(&eval::find_benchmark(name));
        continue;
      }
      for (const eval::Benchmark& benchmark : eval::benchmarks()) {
        if (eval::is_drawn(benchmark)) chosen.push_back(&benchmark);
      }
    }
    return chosen;
  }

  // "synth-docs:size=256" belongs to one benchmark.
  static std::string_view owner_of(std::string_view option) {
    const size_t colon = option.find(':');
    return colon < option.find('=') ? option.substr(0, colon) : std::string_view();
  }

  void check_options(const std::vector<const eval::Benchmark*>& chosen) const {
    for (const std::string& option : options_) {
      const std::string_view owner = owner_of(option);
      if (owner.empty()) continue;
      const auto is_owner = [&](const eval::Benchmark* benchmark) { return benchmark->name == owner; };
      if (std::none_of(chosen.begin(), chosen.end(), is_owner))
        throw UsageError(fmt::format("--option {}: '{}' is not among the benchmarks that are run", option, owner));
    }
  }

  std::vector<std::string> options_of(const eval::Benchmark& benchmark) const {
    std::vector<std::string> options;
    for (const std::string& option : options_) {
      const std::string_view owner = owner_of(option);
      if (owner.empty()) options.push_back(option);
      if (owner == benchmark.name) options.push_back(option.substr(owner.size() + 1));
    }
    return options;
  }

  static void print(const eval::RunResult& result) {
    for (const eval::ScoreSummary& score : result.scores.scores) {
      fmt::print("{:<16}{:>8}  {:<20}{:>8.3f}   {:.3f} to {:.3f}\n", result.scores.benchmark, score.n, score.name,
                 score.mean, score.low, score.high);
    }
    if (result.num_answered > 0) {
      fmt::print(stderr, "{}: {} answers in {:.1f} s, {:.1f} a second\n", result.scores.benchmark, result.num_answered,
                 result.seconds, static_cast<double>(result.num_answered) / result.seconds);
    }
    std::fflush(stdout);
  }

  std::vector<std::string> names_, options_;
  std::filesystem::path data_;
  eval::RunOptions run_;
  bool is_json_ = false;
  ModelFlags model_;
};

}  // namespace

std::unique_ptr<Verb> make_eval_run() {
  return std::make_unique<EvalRun>();
}

}  // namespace molmo::cli
