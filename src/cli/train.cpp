// molmo train CONFIG.yaml
#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "cli/data_source_flags.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "config/training.h"
#include "train/plan.h"
#include "train/run.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;

class Train final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Trains the stages of a configuration one after the other, and goes on from the newest checkpoint when the run "
        "was interrupted: give the same command again. Ctrl-C or SIGTERM saves after the step that is going on, a "
        "second "
        "one ends the program at once. Exit status 130 or 143 says that there is more to do.");
    flags.examples(
        "# will it fit?\nmolmo train configs/sft-molmo-7b-d.yaml --plan\n"
        "# fine-tune on your own data, with settings of the file overridden\n"
        "molmo train configs/own-data.yaml stages.0.steps=200 output=my-run\n");
    flags.add_option("CONFIG", config_, "YAML file of the run").required().group("Arguments");
    flags.add_option("KEY=VALUE", overrides_, "settings to change; a number chooses from a list: stages.0.steps=100")
        .group("Arguments");
    flags.add_option("-o,--output", output_, "folder of checkpoints, logs and models; instead of the file's output")
        .type_name("DIR");
    flags.add_flag("--plan", is_plan_, "print what the run needs of memory, and do nothing");
    flags.add_option("--ranks", num_ranks_, "with --plan: processes that share the work")
        .type_name("N")
        .range(1, 1 << 16)
        .shows_default();
    flags
        .add_option("--memory", memory_gibibytes_,
                    "memory of each process in GiB; without it, what this machine has free")
        .type_name("GIB")
        .positive();
    flags
        .add_option("--peak-tflops", peak_tflops_,
                    "arithmetic that the machine could do at most, to report the share that is used")
        .type_name("T")
        .positive();
    flags.add_flag("--json", is_json_, "print one JSON document at the end, or the plan as one");
    threads_.define(flags);
  }

  int run() override {
    threads_.apply();
    refuse_several_processes();
    if (!output_.empty()) overrides_.push_back("output=" + output_);
    const config::TrainingConfig config = config::read_training_config(config_, overrides_);
    const train::Plan plan = train::plan_training(config, {.num_ranks = num_ranks_, .memory_bytes = memory_bytes()});
    if (is_plan_) {
      is_json_ ? print_json(plan) : print_text(plan);
      train::require_fit(plan);
      return kExitDone;
    }
    train::require_fit(plan);
    const InterruptibleWork interruptible(Signals::InterruptOrTerminate);
    train::RunOptions options{.is_stop_requested = [&] { return interruptible.is_interrupted(); }};
    options.open_dataset = [](const config::DataSource& source) {
      return open_data_source(
          {.name = source.name, .path = source.path, .split = source.split, .options = source.options});
    };
    if (peak_tflops_) options.peak_flops_per_second = *peak_tflops_ * 1e12;
    const bool is_finished = train::run_training(config, options) == train::RunEnd::Finished;
    if (is_json_) fmt::print("{}\n", dump_json({{"output", config.output}, {"finished", is_finished}}));
    return is_finished ? kExitDone : interruptible.exit_status();
  }

 private:
  // Each of them would train all of it, into one folder.
  static void refuse_several_processes() {
    for (const char* name : {"WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"}) {
      const char* value = std::getenv(name);
      if (value == nullptr || std::string_view(value) == "1") continue;
      fail(ErrorCategory::Unsupported, "{} is {}: training on several processes is not built in yet", name, value);
    }
  }

  std::optional<uint64_t> memory_bytes() const {
    if (!memory_gibibytes_) return std::nullopt;
    return static_cast<uint64_t>(*memory_gibibytes_ * (1u << 30));
  }

  static void print_json(const train::Plan& plan) {
    Json stages = Json::array();
    for (const train::StagePlan& stage : plan.stages) {
      Json& json = stages.emplace_back(Json{{"name", stage.name}});
      for (const auto& [name, num_bytes] : stage.parts()) json[name] = num_bytes;
      json["total"] = stage.total();
      json["trained_parameters"] = stage.trained_parameters;
    }
    const Json memory = plan.memory_bytes ? Json(*plan.memory_bytes) : Json(nullptr);
    fmt::print("{}\n", dump_json({{"ranks", plan.num_ranks},
                                  {"memory_bytes", memory},
                                  {"fits", !plan.problem.has_value()},
                                  {"stages", stages}},
                                 /*pretty=*/true));
  }

  static void print_text(const train::Plan& plan) {
    uint64_t most = 0;
    for (const train::StagePlan& stage : plan.stages) most = std::max(most, stage.total());
    const bool is_large = most >= uint64_t{1} << 30;
    const auto size = [&](uint64_t num_bytes) {
      return fmt::format("{:.2f}", static_cast<double>(num_bytes) / (1 << (is_large ? 30 : 20)));
    };
    fmt::print("{} of each of {} processes\n\n{:<20}", is_large ? "GiB" : "MiB", plan.num_ranks, "stage");
    for (const auto& [name, unused] : plan.stages.front().parts()) fmt::print("{:>14}", name);
    fmt::print("{:>14}\n", "total");
    for (const train::StagePlan& stage : plan.stages) {
      fmt::print("{:<20}", stage.name);
      for (const auto& [unused, num_bytes] : stage.parts()) fmt::print("{:>14}", size(num_bytes));
      fmt::print("{:>14}\n", size(stage.total()));
    }
    if (plan.memory_bytes) fmt::print("\nmemory: {}\n", size(*plan.memory_bytes));
  }

  fs::path config_;
  std::string output_;
  std::vector<std::string> overrides_;
  bool is_plan_ = false, is_json_ = false;
  int64_t num_ranks_ = 1;
  std::optional<double> memory_gibibytes_, peak_tflops_;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_train() {
  return std::make_unique<Train>();
}

}  // namespace molmo::cli
