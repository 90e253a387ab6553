#include "train/run.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/atomic_folder.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "model/device.h"
#include "train/batches.h"
#include "train/export.h"
#include "train/folder_lock.h"
#include "train/ranks.h"
#include "train/run_report.h"
#include "train/settings.h"
#include "train/step_meter.h"

namespace molmo::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokenizerName = "tokenizer";
constexpr const char* kConfigName = "config.yaml";
constexpr size_t kMostWarnings = 20;  // about samples that are left out

// Where the run stands: what a checkpoint holds besides tensors.
struct Position {
  size_t stage = 0;
  int64_t step = 0;          // of all stages together
  int64_t stage_step = 0;    // of the stage
  uint64_t num_samples = 0;  // of the stage, over all ranks
  int64_t num_skipped = 0;   // steps without an update, in a row
  bool is_evaluated = true;  // what was due at this step (evaluation, export) was done
};

// What an interrupted write of one of these left behind, which nobody else will finish.
void remove_leftovers(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string found = entry.path().filename().string();
    const auto is_of = [&](const std::string& name) { return found.starts_with(name + ".tmp."); };
    if (std::any_of(names.begin(), names.end(), is_of)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) log_warn("{}: cannot remove: {}", path.string(), error.message());
  }
}

class Run {
 public:
  Run(const config::TrainingConfig& config, const RunOptions& options)
      : config_(config),
        options_(options),
        output_(config.output),
        all_(options.group ? options.group : dist::ProcessGroup::alone()) {}

  RunEnd go() {
    config_.validate();
    ranks_ = std::make_shared<const Ranks>(make_ranks(all_, config_.parallel));
    if (is_writer()) prepare_folder();
    states_.emplace(output_ / "checkpoints",
                    checkpoint::StateRanks{
                        .rank = all_->rank(), .num_ranks = all_->num_ranks(), .all_agree = [all = all_](bool is_fine) {
                          return all->all_agree(is_fine);
                        }});
    saved_ = states_->newest();
    if (saved_) read_position();
    begin_log();
    all_->all_agree(true);  // models of an earlier run are forgotten everywhere
    for (; at_.stage < config_.stages.size(); begin_next_stage()) {
      if (!run_stage()) {
        write_report();
        log_info("stopped at step {} of stage {}; the same command goes on from there", at_.stage_step, stage().name);
        return RunEnd::Stopped;
      }
    }
    write_report();
    return RunEnd::Finished;
  }

 private:
  bool is_writer() const { return all_->rank() == 0; }
  const config::StageConfig& stage() const { return config_.stages[at_.stage]; }
  StepPlace place() const { return {.step = at_.step, .stage = stage().name, .stage_step = at_.stage_step}; }
  fs::path stage_folder() const { return output_ / stage().name; }
  bool is_at_end() const { return at_.stage_step == stage().steps; }
  bool is_due(int64_t every) const { return every > 0 && at_.stage_step % every == 0; }

  bool is_stopping() const { return !all_->all_agree(!options_.is_stop_requested()); }

  void prepare_folder() {
    std::error_code error;
    fs::create_directories(output_ / "checkpoints", error);
    if (error) fail(ErrorCategory::Io, "{}: cannot create folder: {}", output_.string(), error.message());
    lock_ = std::make_unique<FolderLock>(output_);
    std::vector<std::string> written = {kTokenizerName, kConfigName, "report.html"};
    for (const config::StageConfig& stage : config_.stages) written.push_back(stage.name);
    remove_leftovers(output_, written);
  }

  void read_position() {
    const Json& progress = saved_->progress();
    at_.stage = progress.at("stage").get<size_t>();
    at_.step = saved_->step();
    at_.stage_step = progress.at("stage_step").get<int64_t>();
    at_.num_samples = progress.at("samples").get<uint64_t>();
    at_.num_skipped = progress.at("skipped_in_a_row").get<int64_t>();
    at_.is_evaluated = progress.at("is_evaluated").get<bool>();
    const auto name = progress.at("stage_name").get<std::string>();
    if (at_.stage >= config_.stages.size() || stage().name != name || at_.stage_step > stage().steps) {
      fail(ErrorCategory::InvalidArgument,
           "{}: is at step {} of stage {}, '{}', which the configuration does not have. Give the run another output "
           "folder.",
           saved_->folder().string(), at_.stage_step, at_.stage + 1, name);
    }
  }

  Json progress() const {
    return {{"stage", at_.stage},
            {"stage_name", stage().name},
            {"stage_step", at_.stage_step},
            {"samples", at_.num_samples},
            {"skipped_in_a_row", at_.num_skipped},
            {"is_evaluated", at_.is_evaluated},
            {"logs", log_ ? log_->lengths() : Json(nullptr)}};
  }

  void begin_log() {
    if (!is_writer()) return;
    const std::vector<std::string> changes = keep_settings(config_, output_ / kConfigName);
    if (saved_) {
      log_info("going on from {}", saved_->folder().string());
      for (const std::string& change : changes) log_warn("the configuration was changed: {}", change);
    } else {
      // Models of an earlier run in the same folder are not this one's.
      for (const config::StageConfig& stage : config_.stages) forget_export(output_ / stage.name);
    }
    log_ = std::make_unique<RunLog>(output_, saved_ ? saved_->progress().at("logs") : Json(nullptr), at_.step);
  }

  void begin_next_stage() {
    saved_.reset();
    at_ = {.stage = at_.stage + 1, .step = at_.step};
  }

  std::shared_ptr<const text::Tokenizer> open_tokenizer(const checkpoint::InitialModel& initial) const {
    const fs::path folder = output_ / kTokenizerName;
    if (is_writer() && !fs::exists(folder)) {
      AtomicFolder written(folder, /*overwrite=*/false);
      initial.write_tokenizer(written.path());
      written.commit();
    }
    all_->all_agree(true);
    return std::make_shared<const text::Tokenizer>(text::Tokenizer::load(folder));
  }

  // False when a stop was requested. Nothing is loaded for a stage that has ended.
  bool run_stage() {
    if (is_at_end() && at_.is_evaluated && exported_step(stage_folder()) == stage().steps) return true;
    const checkpoint::InitialModel initial = open_stage_model(config_, at_.stage);
    const auto builder = std::make_shared<const ExampleBuilder>(stage(), initial.config, open_tokenizer(initial));
    const auto mixture = std::make_shared<const data::Mixture>(
        data::open_mixture(stage().data, {.seed = stage().seed, .open = options_.open_dataset}));
    const Validation validation(stage(), builder,
                                {.max_examples = config_.evaluate_examples,
                                 .rank = ranks_->data->rank(),
                                 .num_ranks = ranks_->data->num_ranks(),
                                 .num_workers = config_.num_workers,
                                 .open_dataset = options_.open_dataset});
    Trainer trainer(config_, at_.stage, initial.config, initial.load_all(), ranks_,
                    model::compute_device(config_.device, all_->local_rank()));
    if (saved_) trainer.read_state(*saved_);
    BatchStream batches(mixture, builder, stage(),
                        {.first_sample = at_.num_samples,
                         .rank = ranks_->data->rank(),
                         .num_ranks = ranks_->data->num_ranks(),
                         .num_workers = config_.num_workers,
                         .is_for_gpu = config_.device == config::Device::Cuda});
    if (!at_.is_evaluated) at_.is_evaluated = do_what_is_due(trainer, validation);
    if (!at_.is_evaluated) return false;
    StepMeter meter(stage(), initial.config, at_.stage_step, ranks_->data->num_ranks(), options_.peak_flops_per_second);
    while (!is_at_end()) {
      take_step(trainer, batches, meter);
      at_.is_evaluated = !is_stopping() && do_what_is_due(trainer, validation);
      const bool is_stopped = !at_.is_evaluated;
      if (is_stopped || is_at_end() || is_due(config_.save_every)) save(trainer, /*must_succeed=*/is_stopped);
      if (is_stopped) return false;
    }
    export_model(trainer);
    log_info("stage {}: {} steps done, the {} is in {}", stage().name, stage().steps,
             stage().lora.rank > 0 ? "adapter" : "model", stage_folder().string());
    return true;
  }

  void take_step(Trainer& trainer, BatchStream& batches, StepMeter& meter) {
    const std::vector<Batch> micro_batches = batches.next_step();
    const StepMetrics metrics = trainer.step(at_.stage_step + 1, micro_batches);
    ++at_.step;
    ++at_.stage_step;
    at_.num_samples += static_cast<uint64_t>(stage().global_batch);
    at_.num_skipped = metrics.is_skipped ? at_.num_skipped + 1 : 0;
    const std::vector<data::BadSample> bad_samples = of_all_ranks(batches.bad_samples());
    if (is_writer()) {
      for (const data::BadSample& sample : bad_samples) warn(sample);
    }
    if (log_) log_->add_step(place(), metrics, bad_samples);
    meter.add(metrics, micro_batches, batches.time_waited());
    if (log_ && (is_due(config_.log_every) || is_at_end())) log_->add_speed(place(), metrics, meter.take());
    if (at_.num_skipped >= config_.max_skipped_steps) {
      fail(
          ErrorCategory::BadData,
          "stage {}: the loss or a gradient was not finite in {} steps in a row, up to step {}. Hint: a lower learning "
          "rate, or a longer warm-up",
          stage().name, at_.num_skipped, at_.stage_step);
    }
  }

  // In the order of the run, whoever read them.
  std::vector<data::BadSample> of_all_ranks(std::vector<data::BadSample> own) const {
    if (all_->num_ranks() == 1) return own;
    Json json = Json::array();
    for (const data::BadSample& sample : own)
      json.push_back({sample.position, sample.source, sample.index, sample.id, sample.reason});
    std::vector<data::BadSample> all;
    // Ranks that share each layer read the same examples: one of them speaks.
    const bool speaks = ranks_->tensor->rank() == 0 && !own.empty();
    for (const std::string& text : all_->gather_texts(speaks ? dump_json(json) : "")) {
      if (text.empty()) continue;
      for (const Json& sample : parse_json(text, "another rank")) {
        all.push_back({.position = sample[0].get<uint64_t>(),
                       .source = sample[1].get<std::string>(),
                       .index = sample[2].get<uint64_t>(),
                       .id = sample[3].get<std::string>(),
                       .reason = sample[4].get<std::string>()});
      }
    }
    std::ranges::sort(all, {}, &data::BadSample::position);
    return all;
  }

  // Once for each example: they come again in every epoch.
  void warn(const data::BadSample& sample) {
    if (warned_.size() > kMostWarnings || !warned_.emplace(sample.source, sample.index).second) return;
    if (warned_.size() > kMostWarnings) {
      log_warn("further examples that are left out are in {} only", (output_ / kBadSamplesName).string());
    } else {
      log_warn("{} '{}' (number {}) is left out: {}", sample.source, sample.id, sample.index, sample.reason);
    }
  }

  // False when a stop was requested meanwhile: then it is done when the run goes on.
  bool do_what_is_due(const Trainer& trainer, const Validation& validation) {
    if (config_.evaluate_every > 0 && (is_due(config_.evaluate_every) || is_at_end())) {
      std::vector<ValidationLoss> losses;
      if (!validation.is_empty()) {
        auto measured = validation.measure(trainer, [this] { return is_stopping(); });
        if (!measured) return false;
        losses = *std::move(measured);
      }
      if (log_ && !losses.empty()) log_->add_validation(place(), losses);
      evaluate(trainer);
      write_report();
    }
    if (is_due(config_.export_every) && !is_at_end()) export_model(trainer);
    return true;
  }

  void evaluate(const Trainer& trainer) {
    if (!options_.evaluate) return;
    const model::Weights weights = trainer.weights();
    const model::Adapter adapter = trainer.adapter();
    if (!is_writer()) return;  // and waits at the next step
    const auto scores = options_.evaluate({.config = trainer.model_config(),
                                           .weights = weights,
                                           .adapter = adapter,
                                           .tokenizer = output_ / kTokenizerName,
                                           .place = place()});
    if (log_) log_->add_evaluation(place(), scores);
  }

  // One that fails costs no more than the steps until the next, unless the run ends here.
  void save(Trainer& trainer, bool must_succeed) {
    try {
      if (log_) log_->sync();
      states_->save(at_.step, progress(), trainer.share_of_state(), config_.keep_checkpoints);
    } catch (const Error& error) {
      if (must_succeed || error.category() != ErrorCategory::Io) throw;
      log_warn("step {} could not be saved: {}", at_.step, error.what());
    }
  }

  void export_model(const Trainer& trainer) {
    const bool is_last = at_.stage + 1 == config_.stages.size();
    const std::string base =
        at_.stage == 0 ? config_.init.model : (output_ / config_.stages[at_.stage - 1].name).string();
    export_stage(trainer, stage(),
                 {.folder = stage_folder(),
                  .tokenizer = output_ / kTokenizerName,
                  .dtype = is_last ? config_.export_dtype : DType::F32,
                  .step = at_.stage_step,
                  .base_model = base,
                  .is_writer = is_writer()});
    all_->all_agree(true);
  }

  void write_report() const {
    if (is_writer()) write_run_report(config_, output_);
  }

  const config::TrainingConfig config_;
  const RunOptions options_;
  const fs::path output_;
  const Ranks::Group all_;
  std::shared_ptr<const Ranks> ranks_;
  std::unique_ptr<FolderLock> lock_;  // of the writer
  std::optional<checkpoint::TrainingStates> states_;
  Position at_;
  std::optional<checkpoint::SavedState> saved_;
  std::unique_ptr<RunLog> log_;
  std::set<std::pair<std::string, uint64_t>> warned_;  // data set, number of the example
};

}  // namespace

RunEnd run_training(const config::TrainingConfig& config, const RunOptions& options) {
  return Run(config, options).go();
}

}  // namespace molmo::train
