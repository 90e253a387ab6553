// molmo eval run BENCHMARK... -m MODEL
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/judge_flags.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "dist/launch.h"
#include "dist/process_group.h"
#include "eval/paper_table.h"
#include "eval/run.h"

namespace molmo::cli {
namespace {

constexpr int kExitByOthers = 143;  // another rank was asked to end

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
        "molmo eval run synth -m MODEL --limit 500 --option size=192 --option synth-docs:difficulty=easy -o results\n"
        "# every benchmark there is, the published ones about drawn pictures: nothing is downloaded\n"
        "molmo eval run all --drawn -m MODEL --limit 8 -o results\n");
    flags
        .add_option("BENCHMARK", names_,
                    "what to measure; synth stands for the benchmarks that are always drawn, eleven for the paper's "
                    "table, all for everything")
        .required()
        .group("Arguments");
    flags
        .add_option("--data", data_,
                    "folder with the published files of the benchmark, or with a folder of its name for each")
        .type_name("DIR");
    flags.add_flag("--drawn", is_drawn_, "ask the published benchmarks about drawn pictures instead of their own");
    flags.add_option("--option", options_, "a setting of the data set, or of one benchmark's: synth-docs:size=256")
        .type_name("KEY=VALUE")
        .takes_one();
    flags.add_option("--limit", run_.limit, "examples of each; without it all, or 300 where pictures are drawn")
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
    flags.add_option("--split", split_, "part of the published files; without it, the one that papers report")
        .type_name("NAME");
    flags
        .add_option("--nproc", num_local_ranks_,
                    "processes of this machine that share the questions; torchrun, srun and mpirun start them on "
                    "several. Each loads the model; the folder of -o is one that all of them see")
        .type_name("N")
        .range(1, 4096)
        .shows_default();
    judge_.define(flags);
    flags.add_flag("--json", is_json_, "print one JSON document");
    model_.define(flags);
  }

  int run() override {
    const auto benchmarks = chosen_benchmarks();
    check_options(benchmarks);
    if (!split_.empty() && is_drawn_) throw UsageError("--drawn has no --split: nothing is read");
    if (is_drawn_ && !data_.empty()) throw UsageError("--drawn takes no --data: nothing is read");
    const std::optional<dist::Launch> launch = dist::read_launch();
    if ((num_local_ranks_ > 1 || launch) && run_.output.empty())
      throw UsageError("several processes need -o DIR, where they meet");
    if (num_local_ranks_ > 1 && !launch) return dist::run_local_ranks(num_local_ranks_);
    run_.judge = judge_.open();
    const auto group = launch ? dist::ProcessGroup::join(*launch) : dist::ProcessGroup::alone();
    run_.group = group;
    if (group->rank() > 0) set_progress_sink({});
    try {
      return measure(benchmarks);
    } catch (const std::exception& error) {
      group->report_failure(error.what());
      throw;
    }
  }

 private:
  int measure(const std::vector<const eval::Benchmark*>& benchmarks) {
    const TimedModel loaded = model_.load();
    run_.model_name = model_.identity();
    const InterruptibleWork interruptible(Signals::InterruptOrTerminate);
    run_.is_stop_requested = [&] { return interruptible.is_interrupted(); };
    const bool is_first = run_.group->rank() == 0;
    Json results = Json::array();
    bool is_finished = true;
    if (!is_json_ && is_first)
      fmt::print("{:<20}{:>6}  {:<22}{:>8}   {}\n", "benchmark", "n", "score", "mean", "95 % interval");
    for (const eval::Benchmark* benchmark : benchmarks) {
      const eval::RunResult result = eval::run_benchmark(*benchmark, data_of(*benchmark), *loaded.model, run_);
      is_finished = result.is_finished;
      if (is_first) is_json_ ? results.push_back(result.scores.json()) : print(result);
      if (!is_finished) break;
    }
    if (!is_finished && !is_json_ && is_first) fmt::print("interrupted\n");
    if (is_json_ && is_first)
      fmt::print("{}\n", dump_json({{"model", run_.model_name}, {"benchmarks", results}}, /*pretty=*/true));
    return is_finished ? kExitDone : interruptible.is_interrupted() ? interruptible.exit_status() : kExitByOthers;
  }

  std::vector<const eval::Benchmark*> chosen_benchmarks() const {
    std::vector<const eval::Benchmark*> chosen;
    for (const std::string& name : names_) {
      const auto add = [&](const auto& is_wanted) {
        for (const eval::Benchmark& benchmark : eval::benchmarks()) {
          if (is_wanted(benchmark)) chosen.push_back(&benchmark);
        }
      };
      if (name == "synth") {
        add(eval::is_drawn);
      } else if (name == "all") {
        add([](const eval::Benchmark&) { return true; });
      } else if (name == "eleven") {
        add([](const eval::Benchmark& benchmark) { return eval::is_of_eleven(benchmark.name); });
      } else {
        chosen.push_back(&eval::find_benchmark(name));
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

  eval::BenchmarkData data_of(const eval::Benchmark& benchmark) const {
    const bool is_drawn = is_drawn_ && !eval::is_drawn(benchmark);
    // One folder for all, or a folder in it for each.
    std::filesystem::path path = data_;
    for (const std::string_view name : {benchmark.dataset, benchmark.name}) {
      if (!data_.empty() && std::filesystem::is_directory(data_ / name)) path = data_ / name;
    }
    return {.path = std::move(path), .options = options_of(benchmark), .is_drawn = is_drawn, .split = split_};
  }

  void print(const eval::RunResult& result) const {
    if (result.scores.scores.empty() && result.scores.n > 0) {
      fmt::print("{:<20}{:>6}  answers are not public{}\n", result.scores.benchmark, result.scores.n,
                 run_.output.empty()
                     ? ": give -o DIR for a file for the test server"
                     : fmt::format(": {} is for the test server",
                                   (run_.output / result.scores.benchmark / "submission.json").string()));
    }
    for (const eval::ScoreSummary& score : result.scores.scores) {
      fmt::print("{:<20}{:>6}  {:<22}{:>8.3f}   {:.3f} to {:.3f}\n", result.scores.benchmark, score.n, score.name,
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
  std::string split_;
  int64_t num_local_ranks_ = 1;
  bool is_drawn_ = false, is_json_ = false;
  JudgeFlags judge_;
  ModelFlags model_;
};

}  // namespace

std::unique_ptr<Verb> make_eval_run() {
  return std::make_unique<EvalRun>();
}

}  // namespace molmo::cli
