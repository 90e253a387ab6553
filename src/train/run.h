// A whole run: the stages of a configuration one after the other, from whatever was saved last.
//   RunEnd end = run_training(config, {.is_stop_requested = [] { return signalled; }});
// Below `config.output`:
//   checkpoints/     saved states (checkpoint/training_state.h); a killed run goes on from the newest whole one and
//   ends
//                    with the same bytes as one that was not killed
//   <stage>/         the model after the stage, in Hugging Face layout; or its adapter
//   tokenizer/       config.yaml  metrics.jsonl  speed.jsonl  bad-samples.jsonl  tensorboard/  report.html
// Prints nothing: progress and warnings go to the sinks of base/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "checkpoint/training_state.h"
#include "config/training.h"
#include "data/dataset.h"
#include "dist/process_group.h"
#include "model/adapter.h"
#include "model/molmo.h"
#include "train/run_log.h"

namespace molmo::train {

// What an evaluation in the middle of training is given. The folder has the tokenizer.
struct EvaluationModel {
  const config::ModelConfig& config;
  const model::Weights& weights;
  const model::Adapter& adapter;
  std::filesystem::path tokenizer;
  StepPlace place;
};

struct RunOptions {
  // The processes of the run, which all call run_training and share the output folder; null for one process.
  std::shared_ptr<const dist::ProcessGroup> group = nullptr;
  // Opens a data source; empty: those that the registry knows.
  std::function<std::shared_ptr<const data::Dataset>(const config::DataSource&)> open_dataset = {};
  // Scores by name, every `evaluate_every` steps beside the validation losses. The first rank is asked, the others
  // wait.
  std::function<std::map<std::string, double>(const EvaluationModel&)> evaluate = {};
  // Asked between steps: true, on any rank, saves and ends the run.
  std::function<bool()> is_stop_requested = [] { return false; };
  // Of all ranks together, for the share of it that is used. Empty: not reported.
  std::optional<double> peak_flops_per_second = {};
};

enum class RunEnd { Finished, Stopped };

// Throws what opening models and data throws; InvalidArgument when the saved state belongs to another configuration;
// BadData after `max_skipped_steps` in a row; Io.
RunEnd run_training(const config::TrainingConfig& config, const RunOptions& options = {});

}  // namespace molmo::train
