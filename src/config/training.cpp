#include "config/training.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/fields.h"
#include "base/json.h"

namespace molmo::config {
namespace {

constexpr int64_t kMost = int64_t{1} << 40;

// Names fields by their path, "stages[0].vision.beta1".
class Checker {
 public:
  explicit Checker(std::string prefix = "") : prefix_(std::move(prefix)) {}

  Checker child(std::string_view name) const { return Checker(prefix_ + std::string(name) + "."); }
  Checker child(std::string_view name, size_t index) const { return child(fmt::format("{}[{}]", name, index)); }

  template <class T>
  void require(bool valid, std::string_view name, const T& value, std::string_view allowed) const {
    if (!valid) fail(ErrorCategory::InvalidArgument, "{}{} is {}, expected {}", prefix_, name, value, allowed);
  }
  void at_least(std::string_view name, int64_t value, int64_t least) const {
    require(value >= least && value <= kMost, name, value, fmt::format("{} or more", least));
  }
  void at_least(std::string_view name, double value, double least) const {
    require(std::isfinite(value) && value >= least, name, value, fmt::format("a number, {} or more", least));
  }
  void share(std::string_view name, double value) const {
    require(value >= 0 && value < 1, name, value, "0 or more and less than 1");
  }

 private:
  std::string prefix_;
};

void check_component(const ComponentTraining& component, const Checker& check) {
  check.at_least("learning_rate", component.learning_rate, 0.0);
  check.at_least("warmup_steps", component.warmup_steps, 0);
  if (component.warmup_start) {
    const double start = *component.warmup_start;
    check.require(start == 0 || (start > 0 && start < component.learning_rate), "warmup_start", start,
                  fmt::format("0 or more and less than learning_rate, {}", component.learning_rate));
  }
  check.at_least("weight_decay", component.weight_decay, 0.0);
  check.share("beta1", component.beta1);
  check.share("beta2", component.beta2);
  check.require(std::isfinite(component.eps) && component.eps > 0, "eps", component.eps, "more than 0");
  check.at_least("max_grad_norm", component.max_grad_norm, 0.0);
}

void check_mixture(const std::vector<MixtureGroup>& groups, std::string_view name, const Checker& stage) {
  for (size_t i = 0; i < groups.size(); ++i) {
    const Checker check = stage.child(name, i);
    const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
    check.require(positive(groups[i].rate), "rate", groups[i].rate, "more than 0");
    check.require(!groups[i].sources.empty(), "sources", "empty", "at least one data set");
    for (size_t k = 0; k < groups[i].sources.size(); ++k) {
      const DataSource& source = groups[i].sources[k];
      const Checker inner = check.child("sources", k);
      inner.require(!source.name.empty(), "name", "empty", "a data set as `molmo data list` names it, or jsonl");
      if (source.size) inner.require(positive(*source.size), "size", *source.size, "more than 0");
      if (source.rate) inner.require(positive(*source.rate), "rate", *source.rate, "more than 0");
      for (const std::string& option : source.options)
        inner.require(option.find('=') != std::string::npos, "options", "'" + option + "'", "key=value");
    }
  }
}

void check_lora(const StageConfig& stage, const Checker& check) {
  check.at_least("rank", stage.lora.rank, 0);
  if (stage.lora.rank == 0) return;
  check.require(std::isfinite(stage.lora.alpha) && stage.lora.alpha > 0, "alpha", stage.lora.alpha, "more than 0");
  check.require(!stage.lora.targets.empty(), "targets", "empty", "at least one layer, for example att_proj");
  for (const std::string& target : stage.lora.targets)
    check.require(!target.empty(), "targets", "''", "names of layers");
}

void check_stage(const StageConfig& stage, const Checker& check) {
  const bool is_name = !stage.name.empty() && stage.name.size() <= 64 &&
                       stage.name.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == std::string::npos &&
                       stage.name[0] != '.';
  check.require(is_name, "name", "'" + stage.name + "'", "up to 64 letters, digits and -_. (it names files)");
  check.at_least("steps", stage.steps, 1);
  check.at_least("global_batch", stage.global_batch, 1);
  check.at_least("micro_batch", stage.micro_batch, 1);
  check.require(stage.micro_batch <= stage.global_batch, "micro_batch", stage.micro_batch,
                fmt::format("at most global_batch, {}", stage.global_batch));
  check.require(stage.sequence_length >= 2 && stage.sequence_length <= (1 << 24), "sequence_length",
                stage.sequence_length, "2 to 16777216");
  if (stage.max_crops) {
    check.require(*stage.max_crops >= 1 && *stage.max_crops <= 1024, "max_crops", *stage.max_crops, "1 to 1024");
  }
  check.require(!stage.crop_mode || stage.lora.rank == 0, "crop_mode", "set beside lora",
                "null, because an adapter does not say how pictures are cut");
  check.share("one_crop_share", stage.one_crop_share);
  check.require(stage.one_crop_share == 0 || stage.objective != Objective::Text, "one_crop_share", stage.one_crop_share,
                "0 with the objective text, which sees no pictures");
  check.require(!stage.data.empty(), "data", "empty", "at least one group of data sets");
  check_mixture(stage.data, "data", check);
  check_mixture(stage.validation, "validation", check);
  check_component(stage.vision, check.child("vision"));
  check_component(stage.connector, check.child("connector"));
  check_component(stage.language, check.child("language"));
  check.require(stage.final_learning_rate_fraction >= 0 && stage.final_learning_rate_fraction <= 1,
                "final_learning_rate_fraction", stage.final_learning_rate_fraction, "0 to 1");
  if (stage.decay_steps) check.at_least("decay_steps", *stage.decay_steps, 1);
  check.at_least("z_loss", stage.z_loss, 0.0);
  check.at_least("router_balance_loss", stage.router_balance_loss, 0.0);
  check.at_least("router_z_loss", stage.router_z_loss, 0.0);
  check.share("residual_dropout", stage.residual_dropout);
  const bool has_classes = stage.objective == Objective::PatchLabels;
  const auto num_maps = static_cast<int64_t>(stage.patch_classes.size());
  check.require(has_classes ? num_maps >= 1 && num_maps <= 3 : num_maps == 0, "patch_classes",
                fmt::format("[{}]", fmt::join(stage.patch_classes, ", ")),
                has_classes ? "one to three numbers with the objective patch_labels"
                            : "empty unless the objective is patch_labels");
  for (const int64_t classes : stage.patch_classes)
    check.require(classes >= 2 && classes <= 255, "patch_classes", classes, "2 to 255");
  check_lora(stage, check.child("lora"));
}

// The value that `key` names inside of a written configuration.
Json& find_setting(Json& root, const std::string& key, const std::string& assignment) {
  Json* place = &root;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    const std::string part = key.substr(begin, end - begin);
    begin = end + 1;
    if (place->is_array()) {
      size_t index = 0;
      const auto [rest, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      const bool is_index = !part.empty() && error == std::errc() && rest == part.data() + part.size();
      if (!is_index || index >= place->size()) {
        fail(ErrorCategory::InvalidArgument, "'{}': '{}' chooses from a list of {}, expected a number from 0 to {}",
             assignment, part, place->size(), place->empty() ? 0 : place->size() - 1);
      }
      place = &(*place)[index];
    } else if (place->is_object()) {
      if (!place->contains(part)) {
        std::vector<std::string> known;
        for (const auto& [name, unused] : place->items()) known.push_back(name);
        fail(ErrorCategory::InvalidArgument, "'{}': unknown key '{}'.{}", assignment, part, did_you_mean(part, known));
      }
      place = &(*place)[part];
    } else {
      fail(ErrorCategory::InvalidArgument, "'{}': the setting before '{}' is a single value and has no parts",
           assignment, part);
    }
  }
  return *place;
}

}  // namespace

void TrainingConfig::validate() const {
  const Checker check;
  check.require(!output.empty(), "output", "empty", "the folder of checkpoints, metrics and report");
  check.require(!init.model.empty(), "init.model", "empty", "a preset, or the folder of a checkpoint");
  check.require(!stages.empty(), "stages", "empty", "at least one stage");
  std::set<std::string> names;
  for (size_t i = 0; i < stages.size(); ++i) {
    const Checker stage = check.child("stages", i);
    check_stage(stages[i], stage);
    stage.require(names.insert(stages[i].name).second, "name", "'" + stages[i].name + "'",
                  "a name that no stage before has");
  }
  const Checker ranks = check.child("parallel");
  ranks.at_least("replicas", parallel.replicas, 1);
  ranks.at_least("tensor_parallel", parallel.tensor_parallel, 1);
  ranks.require(parallel.replicas == 1 || parallel.sharding == Sharding::Hybrid, "replicas", parallel.replicas,
                "1 unless sharding is hybrid");
  check.require(compute_dtype == DType::F32 || compute_dtype == DType::BF16, "compute_dtype", enum_name(compute_dtype),
                "f32 or bf16");
  check.at_least("max_skipped_steps", max_skipped_steps, 1);
  check.require(num_workers >= 0 && num_workers <= 1024, "num_workers", num_workers, "0 to 1024");
  check.at_least("save_every", save_every, 1);
  check.at_least("keep_checkpoints", keep_checkpoints, 1);
  check.at_least("export_every", export_every, 0);
  check.require(export_dtype == DType::F32 || export_dtype == DType::BF16, "export_dtype", enum_name(export_dtype),
                "f32 or bf16");
  check.at_least("log_every", log_every, 1);
  check.at_least("evaluate_every", evaluate_every, 0);
  check.at_least("evaluate_examples", evaluate_examples, 1);
}

void override_setting(TrainingConfig& config, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    fail(ErrorCategory::InvalidArgument, "'{}': expected key=value, for example stages.0.steps=1000", assignment);
  }
  const std::string key = assignment.substr(0, equals);
  Json written = write_fields(config);
  find_setting(written, key, assignment) = parse_yaml(assignment.substr(equals + 1), key);
  TrainingConfig changed;
  read_fields(written, changed, "'" + assignment + "'");
  config = std::move(changed);
}

TrainingConfig read_training_config(const std::filesystem::path& path, std::span<const std::string> overrides) {
  TrainingConfig config;
  read_fields(read_yaml_file(path), config, path.string());
  for (const std::string& assignment : overrides) override_setting(config, assignment);
  config.validate();
  return config;
}

std::string write_training_config(const TrainingConfig& config) {
  return dump_yaml(write_fields(config));
}

}  // namespace molmo::config
