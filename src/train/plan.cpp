#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/process_memory.h"
#include "train/activations.h"
#include "train/export.h"
#include "train/parameters.h"

namespace molmo::train {
namespace {

using config::ModelConfig;
using config::StageConfig;
using config::TrainingConfig;

constexpr uint64_t kFloatBytes = 4;
constexpr uint64_t kNumMoments = 2;     // of AdamW
constexpr double kMargin = 0.05;        // of the memory that is left to everything else

// How many ranks share one copy of a tensor.
struct Shards {
  uint64_t weights = 1, optimizer = 1;
};

Shards shards_of(const config::ParallelConfig& parallel, int64_t num_ranks) {
  const auto ranks = static_cast<uint64_t>(num_ranks), replicas = static_cast<uint64_t>(parallel.replicas);
  if (parallel.sharding == config::Sharding::None) {
    const auto tensor_parallel = static_cast<uint64_t>(parallel.tensor_parallel);
    return {tensor_parallel, tensor_parallel};
  }
  const uint64_t shards = std::max<uint64_t>(ranks / replicas, 1);
  return {shards, shards};
}

struct Counts {
  int64_t trained = 0, frozen = 0;
};

Counts count_parameters(const StageConfig& stage, const ModelConfig& model) {
  Counts counts;
  const int64_t total = model::count_parameters(model).total;
  if (stage.lora.rank > 0) {
    for (const auto& parameter : adapted_parameters(stage, model))
      counts.trained += stage.lora.rank * (parameter.shape[0] + parameter.shape[1]);
    counts.frozen = total;
  } else {
    for (const auto& parameter : trained_parameters(stage, model)) counts.trained += parameter.count();
    counts.frozen = total - counts.trained;
  }
  if (stage.objective == config::Objective::PatchLabels) {
    const auto width = static_cast<int64_t>(model.connector.feature_layers.size()) * model.vision.width;
    for (const int64_t classes : stage.patch_classes) counts.trained += classes * (width + 1);
  }
  return counts;
}

int64_t crops_of(const StageConfig& stage, const ModelConfig& model) {
  if (stage.objective == config::Objective::Text) return 0;
  const bool has_grid = model.image_input.crop_mode != config::CropMode::Resize;
  return 1 + (has_grid ? stage.max_crops.value_or(model.image_input.max_crops) : 0);
}

// Examples of a step of this rank, and those that workers prepare ahead.
uint64_t batch_bytes(const TrainingConfig& config, const StageConfig& stage, const ModelConfig& model,
                     int64_t num_ranks) {
  const auto picture = static_cast<uint64_t>(crops_of(stage, model) * model.vision.num_patches() *
                                             model.vision.patch_dim()) * kFloatBytes;
  const uint64_t text = static_cast<uint64_t>(stage.sequence_length) * 4 * sizeof(int64_t);
  const int64_t num_data_ranks = std::max<int64_t>(num_ranks / config.parallel.tensor_parallel, 1);
  const int64_t num_examples =
      stage.global_batch / num_data_ranks + 2 * (stage.micro_batch + config.num_workers) + stage.micro_batch;
  return static_cast<uint64_t>(num_examples) * (picture + text);
}

// A change of settings that may save memory, and what to write for it.
struct Remedy {
  std::string settings;
  std::function<void(TrainingConfig& config, int64_t& num_ranks)> apply;
};

std::vector<Remedy> remedies(const TrainingConfig& config, size_t stage, int64_t num_ranks) {
  std::vector<Remedy> list;
  const auto key = [&](const char* name) { return fmt::format("stages.{}.{}", stage, name); };
  if (config.recompute == config::Recompute::None)
    list.push_back({"recompute=blocks", [](auto& c, auto&) { c.recompute = config::Recompute::Blocks; }});
  if (config.stages[stage].micro_batch > 1)
    list.push_back({key("micro_batch=1"), [stage](auto& c, auto&) { c.stages[stage].micro_batch = 1; }});
  if (num_ranks > 1 && config.parallel.sharding != config::Sharding::Full) {
    list.push_back({"parallel.sharding=full parallel.replicas=1", [](auto& c, auto&) {
                      c.parallel.sharding = config::Sharding::Full;
                      c.parallel.replicas = 1;
                    }});
  }
  if (config.stages[stage].lora.rank == 0)
    list.push_back({key("lora.rank=16"), [stage](auto& c, auto&) { c.stages[stage].lora.rank = 16; }});
  for (int64_t ranks = std::max<int64_t>(2 * num_ranks, 2); ranks <= 1024; ranks *= 2)
    list.push_back({fmt::format("{} processes", ranks), [ranks](auto&, auto& r) { r = ranks; }});
  return list;
}

// The first remedy that helps by itself, or with those before it.
std::string advise(const TrainingConfig& config, size_t stage, const ModelConfig& model, int64_t num_ranks,
                   uint64_t usable) {
  TrainingConfig all = config;
  int64_t all_ranks = num_ranks;
  std::string joined;
  for (const Remedy& remedy : remedies(config, stage, num_ranks)) {
    TrainingConfig one = config;
    int64_t ranks = num_ranks;
    remedy.apply(one, ranks);
    remedy.apply(all, all_ranks);
    joined += (joined.empty() ? "" : " with ") + remedy.settings;
    if (plan_stage(one, stage, model, ranks).total() <= usable) return "It would with " + remedy.settings + ".";
    if (remedy.settings.ends_with("processes")) continue;
    if (plan_stage(all, stage, model, all_ranks).total() <= usable) return "It would with " + joined + ".";
  }
  return "No setting makes it fit: choose a smaller model.";
}

double gibibytes(uint64_t num_bytes) {
  return static_cast<double>(num_bytes) / (1u << 30);
}

std::optional<uint64_t> memory_of_rank(const PlanOptions& options) {
  if (options.memory_bytes) return options.memory_bytes;
  const uint64_t available = available_memory_bytes();
  if (available == 0) return std::nullopt;
  return available / static_cast<uint64_t>(options.num_ranks);
}

}  // namespace

std::vector<std::pair<const char*, uint64_t>> StagePlan::parts() const {
  return {{"weights", weights},
          {"gradients", gradients},
          {"optimizer", optimizer},
          {"activations", activations},
          {"batch", batch}};
}

StagePlan plan_stage(const TrainingConfig& config, size_t index, const ModelConfig& model, int64_t num_ranks) {
  const StageConfig& stage = config.stages[index];
  const Counts counts = count_parameters(stage, model);
  const Shards shards = shards_of(config.parallel, num_ranks);
  const auto trained = static_cast<uint64_t>(counts.trained) * kFloatBytes;
  const auto frozen = static_cast<uint64_t>(counts.frozen) * kFloatBytes;
  const auto share = [](uint64_t bytes, uint64_t parts) { return (bytes + parts - 1) / parts; };
  const int64_t crops = crops_of(stage, model);
  return {.name = stage.name,
          .trained_parameters = counts.trained,
          .weights = share(trained + frozen, shards.weights),
          .gradients = share(trained, shards.weights),
          .optimizer = share(kNumMoments * trained, shards.optimizer),
          .activations = activation_bytes(config, stage, model, {.num_examples = stage.micro_batch, .num_crops = crops}),
          .batch = batch_bytes(config, stage, model, num_ranks)};
}

Plan plan_training(const TrainingConfig& config, const PlanOptions& options) {
  Plan plan{.num_ranks = options.num_ranks, .stages = {}, .memory_bytes = memory_of_rank(options), .problem = {}};
  const ModelConfig model = checkpoint::open_initial_model(config.init).config;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    const StagePlan& stage = plan.stages.emplace_back(plan_stage(config, i, model, options.num_ranks));
    if (!plan.memory_bytes || plan.problem) continue;
    const auto usable = static_cast<uint64_t>((1 - kMargin) * static_cast<double>(*plan.memory_bytes));
    if (stage.total() <= usable) continue;
    plan.problem = fmt::format(
        "stage {} needs {:.1f} GiB of memory in each of {} processes, {:.1f} GiB can be used. {}", stage.name,
        gibibytes(stage.total()), options.num_ranks, gibibytes(usable),
        advise(config, i, model, options.num_ranks, usable));
  }
  return plan;
}

void require_fit(const Plan& plan) {
  if (plan.problem) fail(ErrorCategory::OutOfMemory, "{}", *plan.problem);
}

}  // namespace molmo::train
