#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/process_memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/element_range.h"
#include "checkpoint/initial_model.h"
#include "model/device.h"
#include "model/parameter_table.h"
#include "train/activations.h"
#include "train/export.h"
#include "train/parameters.h"
#include "train/ranks.h"
#include "train/tensor_parts.h"

namespace molmo::train {
namespace {

using config::ModelConfig;
using config::StageConfig;
using config::TrainingConfig;

constexpr uint64_t kFloatBytes = 4;
constexpr uint64_t kNumMoments = 2;   // of AdamW
constexpr int64_t kMostRanks = 1024;  // that advice is given for
constexpr double kMargin = 0.05;      // of the memory that is left to everything else
// What the program takes by itself: libtorch, the operators that it registers, fonts, kernels of products.
constexpr uint64_t kProgramBytes = 192 << 20;
// Buffers of activations, whose sizes change with every batch, leave gaps between them: a quarter, measured over steps
// of the small model's fine-tuning.
constexpr double kGaps = 0.25;

// Of a decoder block, or of everything else.
struct PartSizes {
  uint64_t trained_bytes = 0, frozen_bytes = 0;  // float32, and as they are stored

  uint64_t total() const { return trained_bytes + frozen_bytes; }
};

struct Sizes {
  std::map<int64_t, PartSizes> blocks;
  PartSizes rest;

  PartSizes& of(std::string_view name) {
    const int64_t block = block_of(name);
    return block < 0 ? rest : blocks[block];
  }
  PartSizes all() const {
    PartSizes sum = rest;
    for (const auto& [block, sizes] : blocks) {
      sum.trained_bytes += sizes.trained_bytes;
      sum.frozen_bytes += sizes.frozen_bytes;
    }
    return sum;
  }
  PartSizes largest_block() const {
    PartSizes largest;
    for (const auto& [block, sizes] : blocks) {
      largest.trained_bytes = std::max(largest.trained_bytes, sizes.trained_bytes);
      largest.frozen_bytes = std::max(largest.frozen_bytes, sizes.frozen_bytes);
    }
    return largest;
  }
};

ModelConfig part_of(ModelConfig model, const model::TensorGroup& group) {
  config::DecoderConfig& decoder = model.decoder;
  const int64_t heads_per_kv_head = decoder.num_heads / decoder.num_kv_heads;
  decoder.num_kv_heads = group.part_size(decoder.num_kv_heads);
  decoder.num_heads = decoder.num_kv_heads * heads_per_kv_head;
  decoder.mlp_width = group.part_size(decoder.mlp_width);
  decoder.embedding_size = group.part_size(decoder.embedding_size);
  return model;
}

int64_t count_of_part(const model::ParameterSpec& parameter, const model::TensorGroup& group) {
  return checkpoint::count_elements(parameter.shape, slice_of(parameter.split, group));
}

// A [R, in] and B [out, R], of which a part of `in` or `out` is this rank's.
int64_t count_of_update(const model::ParameterSpec& parameter, int64_t rank, const model::TensorGroup& group) {
  const auto shape = slice_of(parameter.split, group).part_shape(parameter.shape);
  return rank * (shape[0] + shape[1]);
}

Sizes measure_parameters(const StageConfig& stage, const ModelConfig& model, const StoredTypes& stored,
                         const model::TensorGroup& group) {
  Sizes sizes;
  const auto type_bytes = [&](const std::string& name) {
    const auto found = stored.find(name);
    return found == stored.end() ? kFloatBytes : static_cast<uint64_t>(dtype_bytes(found->second));
  };
  std::set<std::string> trained;
  if (stage.lora.rank > 0) {
    for (const auto& parameter : adapted_parameters(stage, model)) {
      const int64_t count = count_of_update(parameter, stage.lora.rank, group);
      sizes.of(parameter.name).trained_bytes += static_cast<uint64_t>(count) * kFloatBytes;
    }
  } else {
    for (const auto& parameter : trained_parameters(stage, model)) {
      sizes.of(parameter.name).trained_bytes += static_cast<uint64_t>(count_of_part(parameter, group)) * kFloatBytes;
      trained.insert(parameter.name);
    }
  }
  for (const auto& parameter : model::parameter_table(model)) {
    if (trained.contains(parameter.name)) continue;
    sizes.of(parameter.name).frozen_bytes +=
        static_cast<uint64_t>(count_of_part(parameter, group)) * type_bytes(parameter.name);
  }
  if (stage.objective == config::Objective::PatchLabels) {
    const auto width = static_cast<int64_t>(model.connector.feature_layers.size()) * model.vision.width;
    for (const int64_t classes : stage.patch_classes)
      sizes.rest.trained_bytes += static_cast<uint64_t>(classes * (width + 1)) * kFloatBytes;
  }
  return sizes;
}

struct Held {
  uint64_t weights, gradients, optimizer;
};

// As shards.h holds them: its part of everything, what is in no block whole, and of the blocks the one that is computed
// and the next one.
Held held_by_rank(const Sizes& sizes, uint64_t num_shards) {
  const PartSizes all = sizes.all(), block = sizes.largest_block();
  const auto share = [&](uint64_t bytes) { return (bytes + num_shards - 1) / num_shards; };
  if (num_shards == 1) return {all.total(), all.trained_bytes, kNumMoments * all.trained_bytes};
  const uint64_t num_open = std::min<uint64_t>(2, sizes.blocks.size());
  return {.weights = share(all.total() - sizes.rest.frozen_bytes) + sizes.rest.total() + num_open * block.total(),
          .gradients = share(all.trained_bytes) + sizes.rest.trained_bytes + block.trained_bytes,
          .optimizer = kNumMoments * share(all.trained_bytes)};
}

int64_t crops_of(const StageConfig& stage, const ModelConfig& model) {
  if (stage.objective == config::Objective::Text) return 0;
  const bool has_grid = model.image_input.crop_mode != config::CropMode::Resize;
  return 1 + (has_grid ? stage.max_crops.value_or(model.image_input.max_crops) : 0);
}

// Examples of a step of this rank, and those that workers prepare ahead.
uint64_t batch_bytes(const TrainingConfig& config, const StageConfig& stage, const ModelConfig& model,
                     int64_t num_ranks) {
  const auto picture =
      static_cast<uint64_t>(crops_of(stage, model) * model.vision.num_patches() * model.vision.patch_dim()) *
      kFloatBytes;
  const uint64_t text = static_cast<uint64_t>(stage.sequence_length) * 4 * sizeof(int64_t);
  const int64_t num_data_ranks = std::max<int64_t>(num_ranks / config.parallel.tensor_parallel, 1);
  const int64_t num_examples =
      stage.global_batch / num_data_ranks + 2 * (stage.micro_batch + config.num_workers) + stage.micro_batch;
  return static_cast<uint64_t>(num_examples) * (picture + text);
}

// Weights that are trained in float32 are kept for the backward pass in the 16 bits that products read, unless blocks
// are computed again.
uint64_t copied_weight_bytes(const TrainingConfig& config, const Sizes& sizes) {
  if (config.compute_dtype == DType::F32) return 0;
  const bool recomputes = config.recompute == config::Recompute::Blocks;
  return (recomputes ? sizes.rest.trained_bytes + sizes.largest_block().trained_bytes : sizes.all().trained_bytes) / 2;
}

// A change of settings that may save memory, and what to write for it.
struct Remedy {
  std::string settings;
  std::function<void(TrainingConfig& config)> apply;
};

std::vector<Remedy> remedies(const TrainingConfig& config, size_t stage, int64_t num_ranks) {
  std::vector<Remedy> list;
  const auto key = [&](const char* name) { return fmt::format("stages.{}.{}", stage, name); };
  if (config.recompute == config::Recompute::None)
    list.push_back({"recompute=blocks", [](auto& c) { c.recompute = config::Recompute::Blocks; }});
  if (config.stages[stage].micro_batch > 1)
    list.push_back({key("micro_batch=1"), [stage](auto& c) { c.stages[stage].micro_batch = 1; }});
  if (num_ranks > 1 && config.parallel.sharding != config::Sharding::Full) {
    list.push_back({"parallel.sharding=full parallel.replicas=1", [](auto& c) {
                      c.parallel.sharding = config::Sharding::Full;
                      c.parallel.replicas = 1;
                    }});
  }
  if (config.stages[stage].lora.rank == 0)
    list.push_back({key("lora.rank=16"), [stage](auto& c) { c.stages[stage].lora.rank = 16; }});
  return list;
}

// The first remedy that is enough by itself, or together with those before it; else more processes.
std::string advise(const TrainingConfig& config, size_t stage, const ModelConfig& model, int64_t num_ranks,
                   const StoredTypes& stored, uint64_t usable) {
  const int64_t divisor = config.parallel.tensor_parallel * config.parallel.replicas;
  const auto fits = [&](const TrainingConfig& changed, int64_t ranks) {
    return ranks % divisor == 0 && plan_stage(changed, stage, model, ranks, stored).total() <= usable;
  };
  TrainingConfig all = config;
  std::string joined;
  for (const Remedy& remedy : remedies(config, stage, num_ranks)) {
    TrainingConfig one = config;
    remedy.apply(one);
    remedy.apply(all);
    joined += (joined.empty() ? "" : " with ") + remedy.settings;
    if (fits(one, num_ranks)) return fmt::format("It would with {}.", remedy.settings);
    if (fits(all, num_ranks)) return fmt::format("It would with {}.", joined);
  }
  for (int64_t ranks = 2; ranks <= kMostRanks; ranks *= 2) {
    if (ranks > num_ranks && fits(config, ranks)) return fmt::format("It would with {} processes.", ranks);
  }
  for (int64_t ranks = 2; ranks <= kMostRanks; ranks *= 2) {
    if (ranks > num_ranks && fits(all, ranks)) return fmt::format("It would with {} and {} processes.", joined, ranks);
  }
  return "No setting makes it fit: choose a smaller model.";
}

// Of a checkpoint; parts that come from elsewhere are counted as float32.
StoredTypes stored_types(const config::InitialWeights& init) {
  StoredTypes types;
  if (config::is_preset(init.model) || !init.language.empty() || !init.vision.empty()) return types;
  const auto checkpoint = checkpoint::Checkpoint::open(init.model);
  for (const auto& [name, weight] : checkpoint.weights()) {
    types[name] = checkpoint::is_packed(weight.type) ? DType::F32 : checkpoint::element_type(weight.type);
  }
  return types;
}

double gibibytes(uint64_t num_bytes) {
  return static_cast<double>(num_bytes) / (1u << 30);
}

std::optional<uint64_t> memory_of_rank(const PlanOptions& options, config::Device device) {
  if (options.memory_bytes) return options.memory_bytes;
  if (device == config::Device::Cuda) return model::free_gpu_memory_bytes();
  const uint64_t available = available_memory_bytes();
  if (available == 0) return std::nullopt;
  return available / static_cast<uint64_t>(options.num_local_ranks.value_or(options.num_ranks));
}

}  // namespace

std::vector<std::pair<const char*, uint64_t>> StagePlan::parts() const {
  return {{"weights", weights},         {"gradients", gradients}, {"optimizer", optimizer},
          {"activations", activations}, {"batch", batch},         {"program", program}};
}

StagePlan plan_stage(const TrainingConfig& config, size_t index, const ModelConfig& model, int64_t num_ranks,
                     const StoredTypes& stored) {
  const StageConfig& stage = config.stages[index];
  const model::TensorGroup group = rank_with_largest_parts(config.parallel.tensor_parallel);
  const Sizes sizes = measure_parameters(stage, model, stored, group),
              all = measure_parameters(stage, model, stored, {});
  const uint64_t kept = activation_bytes(config, stage, part_of(model, group),
                                         {.num_examples = stage.micro_batch, .num_crops = crops_of(stage, model)});
  const Held held = held_by_rank(sizes, static_cast<uint64_t>(count_shards(config.parallel, num_ranks)));
  return {.name = stage.name,
          .trained_parameters = static_cast<int64_t>(all.all().trained_bytes / kFloatBytes),
          .weights = held.weights,
          .gradients = held.gradients,
          .optimizer = held.optimizer,
          .activations =
              copied_weight_bytes(config, sizes) + static_cast<uint64_t>((1 + kGaps) * static_cast<double>(kept)),
          .batch = batch_bytes(config, stage, model, num_ranks),
          .program = kProgramBytes};
}

Plan plan_training(const TrainingConfig& config, const PlanOptions& options) {
  Plan plan{.num_ranks = options.num_ranks,
            .stages = {},
            .memory_bytes = memory_of_rank(options, config.device),
            .problem = {}};
  ModelConfig model = checkpoint::open_initial_model(config.init).config;
  StoredTypes stored = stored_types(config.init);
  for (size_t i = 0; i < config.stages.size(); ++i) {
    model = model_of_stage(model, config.stages[i]);
    check_tensor_parallel(model.decoder, config.parallel.tensor_parallel);
    if (i > 0 && config.stages[i - 1].lora.rank == 0) stored.clear();  // the stage before leaves float32
    const StagePlan& stage = plan.stages.emplace_back(plan_stage(config, i, model, options.num_ranks, stored));
    if (!plan.memory_bytes || plan.problem) continue;
    const auto usable = static_cast<uint64_t>((1 - kMargin) * static_cast<double>(*plan.memory_bytes));
    if (stage.total() <= usable) continue;
    plan.problem =
        fmt::format("stage {} needs {:.1f} GiB of memory in each of {} processes, {:.1f} GiB can be used. {}",
                    stage.name, gibibytes(stage.total()), options.num_ranks, gibibytes(usable),
                    advise(config, i, model, options.num_ranks, stored, usable));
  }
  return plan;
}

void require_fit(const Plan& plan) {
  if (plan.problem) fail(ErrorCategory::OutOfMemory, "{}", *plan.problem);
}

}  // namespace molmo::train
