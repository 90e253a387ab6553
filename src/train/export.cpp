#include "train/export.h"

#include <nlohmann/json.hpp>

#include "base/atomic_folder.h"
#include "base/error.h"
#include "base/json.h"
#include "checkpoint/adapter.h"
#include "checkpoint/convert.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_dtype.h"
#include "checkpoint/tokenizer_files.h"

namespace molmo::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarkName = "training.json";

// The prompts that the model has learnt to answer. Stages without prompts leave them as they were.
config::ModelConfig exported_config(const Trainer& trainer, const config::StageConfig& stage) {
  config::ModelConfig config = trainer.model_config();
  const bool has_prompts = stage.objective == config::Objective::Caption || stage.objective == config::Objective::Chat;
  if (has_prompts) config.prompt = stage.prompt;
  return config;
}

model::Adapter detached(model::Adapter adapter) {
  for (auto& [name, update] : adapter.updates) {
    update.a = update.a.detach().cpu();
    update.b = update.b.detach().cpu();
  }
  return adapter;
}

void write_model(const model::Weights& weights, const config::ModelConfig& config, const ExportOptions& options,
                 const AtomicFolder& folder) {
  checkpoint::StoredTypes types;
  for (const auto& [name, unused] : weights) types[name] = checkpoint::stored_type(options.dtype);
  folder.check_space(checkpoint::weight_bytes(config, types));
  checkpoint::copy_tokenizer(options.tokenizer, folder.path());
  checkpoint::write_generation_config(folder.path());
  checkpoint::write_hf_documents(folder.path(), config, types, /*has_code=*/false);
  const at::ScalarType type = checkpoint::to_scalar_type(options.dtype);
  checkpoint::write_hf_weights(
      folder.path(), config, types, checkpoint::kDefaultShardBytes,
      [&](const std::string& name) { return weights.at(name).detach().cpu().to(type).contiguous(); });
}

}  // namespace

void export_stage(const Trainer& trainer, const config::StageConfig& stage, const ExportOptions& options) {
  const bool is_adapter = stage.lora.rank > 0, has_head = stage.objective == config::Objective::PatchLabels;
  // All ranks take part in this.
  const model::Adapter adapter = is_adapter ? detached(trainer.adapter()) : model::Adapter();
  const model::Weights weights = is_adapter ? model::Weights() : trainer.weights();
  const model::Weights head = has_head ? trainer.patch_head() : model::Weights();
  if (!options.is_writer) return;
  AtomicFolder folder(options.folder, /*overwrite=*/true);
  const config::ModelConfig config = exported_config(trainer, stage);
  if (is_adapter) {
    checkpoint::write_adapter(folder.path(), adapter, config, options.base_model);
  } else {
    write_model(weights, config, options, folder);
  }
  if (has_head) checkpoint::write_safetensors(folder.path() / "patch_head.safetensors", head);
  write_json_file(folder.path() / kMarkName, {{"stage", stage.name}, {"step", options.step}});
  folder.commit();
}

int64_t exported_step(const fs::path& folder) {
  if (!fs::exists(folder / kMarkName)) return -1;
  const Json mark = read_json_file(folder / kMarkName);
  return mark.is_object() ? mark.value("step", int64_t{-1}) : -1;
}

void forget_export(const fs::path& folder) {
  std::error_code error;
  fs::remove(folder / kMarkName, error);
  if (error) fail(ErrorCategory::Io, "{}: cannot remove: {}", (folder / kMarkName).string(), error.message());
}

namespace {

checkpoint::InitialModel open_model_before(const config::TrainingConfig& config, size_t stage) {
  if (stage == 0) return checkpoint::open_initial_model(config.init);
  const config::StageConfig& before = config.stages[stage - 1];
  const fs::path folder = fs::path(config.output) / before.name;
  if (!fs::exists(folder / kMarkName)) {
    fail(ErrorCategory::NotFound, "{}: is missing; stage {} begins with what stage {} left there", folder.string(),
         config.stages[stage].name, before.name);
  }
  if (before.lora.rank == 0) {
    config::InitialWeights init;
    init.model = folder.string();
    return checkpoint::open_initial_model(init);
  }
  checkpoint::InitialModel model = open_stage_model(config, stage - 1);
  const model::Adapter adapter = checkpoint::read_adapter(folder, model.config);
  model.load = [load = model.load, adapter](const std::string& name) {
    const auto update = adapter.updates.find(name);
    return update == adapter.updates.end() ? load(name) : checkpoint::merge_update(load(name), update->second);
  };
  return model;
}

}  // namespace

config::ModelConfig model_of_stage(config::ModelConfig before, const config::StageConfig& stage) {
  if (stage.crop_mode) before.image_input.crop_mode = *stage.crop_mode;
  return before;
}

checkpoint::InitialModel open_stage_model(const config::TrainingConfig& config, size_t stage) {
  checkpoint::InitialModel model = open_model_before(config, stage);
  model.config = model_of_stage(model.config, config.stages[stage]);
  return model;
}

}  // namespace molmo::train
