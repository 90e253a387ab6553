// What training gives away: a folder in Hugging Face layout that `molmo run` and other tools load, or an adapter in
// PEFT's layout where a stage trained low-rank updates.
//   export_stage(trainer, stage, {.folder = "run/captions", .tokenizer = "run/tokenizer", .step = 22300});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/dtype.h"
#include "checkpoint/initial_model.h"
#include "config/training.h"
#include "train/trainer.h"

namespace molmo::train {

struct ExportOptions {
  std::filesystem::path folder;     // is replaced when it is there
  std::filesystem::path tokenizer;  // folder
  DType dtype = DType::F32;         // of the weights; adapters are float32
  int64_t step = 0;                 // of the stage
  std::string base_model;           // of an adapter: what it goes on top of
  bool is_writer = true;            // the other ranks take part and write nothing
};

// All ranks of a run call it, one of them writes. The folder appears complete or not at all, with training.json beside
// the model's files: stage and step. A head of patch classes is written to patch_head.safetensors. Throws Io.
void export_stage(const Trainer& trainer, const config::StageConfig& stage, const ExportOptions& options);

// The step of the stage that a folder was exported at, or -1.
int64_t exported_step(const std::filesystem::path& folder);
// Makes that -1 for a model of an earlier run.
void forget_export(const std::filesystem::path& folder);

// The model as a stage trains and exports it, from that of the stage before.
config::ModelConfig model_of_stage(config::ModelConfig before, const config::StageConfig& stage);

// What a stage begins with: the configured weights, or what the stage before exported, adapters merged into what that
// one began with. `output` is the folder of the run.
checkpoint::InitialModel open_stage_model(const config::TrainingConfig& config, size_t stage);

}  // namespace molmo::train
