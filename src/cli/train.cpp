// molmo train CONFIG.yaml
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "base/progress.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "config/training.h"
#include "dist/launch.h"
#include "dist/process_group.h"
#include "model/device.h"
#include "synth/synth_dataset.h"
#include "train/plan.h"
#include "train/run.h"

namespace molmo::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kExitBySigterm = 143;

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
        "molmo train configs/own-data.yaml stages.0.steps=200 output=my-run\n"
        "# on the two halves of this machine\n"
        "molmo train configs/own-data.yaml --nproc 2\n");
    flags.add_option("CONFIG", config_, "YAML file of the run").required().group("Arguments");
    flags.add_option("KEY=VALUE", overrides_, "settings to change; a number chooses from a list: stages.0.steps=100")
        .group("Arguments");
    flags.add_option("-o,--output", output_, "folder of checkpoints, logs and models; instead of the file's output")
        .type_name("DIR");
    flags.add_flag("--plan", is_plan_, "print what the run needs of memory, and do nothing");
    flags
        .add_option("--nproc", num_local_ranks_,
                    "processes of this machine that train together; torchrun, srun and mpirun start them on several")
        .type_name("N")
        .range(1, 4096)
        .shows_default();
    flags.add_option("--ranks", num_ranks_, "with --plan: processes that share the work, 0 for those of this run")
        .type_name("N")
        .range(0, 1 << 16)
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
    const std::optional<dist::Launch> launch = dist::read_launch();
    if (num_local_ranks_ > 1 && !launch && !is_plan_) return dist::run_local_ranks(num_local_ranks_);
    threads_.apply();
    if (!output_.empty()) overrides_.push_back("output=" + output_);
    const config::TrainingConfig config = config::read_training_config(config_, overrides_);
    const train::Plan plan = train::plan_training(config, plan_options(launch));
    if (is_plan_) {
      is_json_ ? print_json(plan) : print_text(plan);
      train::require_fit(plan);
      return kExitDone;
    }
    train::require_fit(plan);
    const auto group =
        launch ? dist::ProcessGroup::join(*launch, device_type(config, *launch)) : dist::ProcessGroup::alone();
    if (group->rank() > 0) be_quiet(group->rank());
    try {
      const int status = train(config, group);
      if (group->rank() == 0) report_memory(plan);
      return status;
    } catch (const std::exception& error) {
      group->report_failure(error.what());
      throw;
    }
  }

 private:
  int train(const config::TrainingConfig& config, const std::shared_ptr<const dist::ProcessGroup>& group) const {
    const InterruptibleWork interruptible(Signals::InterruptOrTerminate);
    train::RunOptions options{.group = group};
    options.is_stop_requested = [&] { return interruptible.is_interrupted(); };
    options.open_dataset = [](const config::DataSource& source) {
      return synth::open_any_dataset(
          {.name = source.name, .path = source.path, .split = source.split, .options = source.options});
    };
    if (peak_tflops_) options.peak_flops_per_second = *peak_tflops_ * 1e12;
    const bool is_finished = train::run_training(config, options) == train::RunEnd::Finished;
    if (is_json_ && group->rank() == 0)
      fmt::print("{}\n", dump_json({{"output", config.output}, {"finished", is_finished}}));
    // Where another rank was asked to end, this one was not.
    return is_finished ? kExitDone : interruptible.is_interrupted() ? interruptible.exit_status() : kExitBySigterm;
  }

  // Known to be there before the ranks wait for each other.
  static at::DeviceType device_type(const config::TrainingConfig& config, const dist::Launch& launch) {
    return model::compute_device(config.device, launch.local_rank).type();
  }

  // The plan is of the stage that needs most.
  static void report_memory(const train::Plan& plan) {
    uint64_t planned = 0;
    for (const train::StagePlan& stage : plan.stages) planned = std::max(planned, stage.total());
    constexpr double kMebibyte = 1 << 20;
    log_info("largest memory of a process {:.0f} MiB with the pages of files that it read and checked, {:.0f} planned",
             static_cast<double>(peak_memory_bytes()) / kMebibyte, static_cast<double>(planned) / kMebibyte);
  }

  // The first rank speaks for all of them; what goes wrong is worth hearing from each.
  static void be_quiet(int64_t rank) {
    set_progress_sink({});
    set_log_sink([rank](LogLevel level, std::string_view message) {
      if (level == LogLevel::Warn) fmt::print(stderr, "molmo: rank {}: warning: {}\n", rank, message);
    });
  }

  train::PlanOptions plan_options(const std::optional<dist::Launch>& launch) const {
    train::PlanOptions options{.num_ranks = num_ranks_, .memory_bytes = memory_bytes()};
    if (launch) options.num_local_ranks = launch->num_local_ranks;
    if (options.num_ranks == 0) options.num_ranks = launch ? launch->num_ranks : num_local_ranks_;
    return options;
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
  int64_t num_local_ranks_ = 1, num_ranks_ = 0;
  std::optional<double> memory_gibibytes_, peak_tflops_;
  ThreadFlags threads_;
};

}  // namespace

std::unique_ptr<Verb> make_train() {
  return std::make_unique<Train>();
}

}  // namespace molmo::cli
