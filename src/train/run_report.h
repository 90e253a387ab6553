// report.html of a run, made from what it wrote down: curves of losses, accuracy, learning rates and gradients, speed,
// samples that were left out, and the settings.
#pragma once

#include <filesystem>

#include "config/training.h"

namespace molmo::train {

// `folder` is the run's output; metrics.jsonl and its companions are read. Throws Io.
void write_run_report(const config::TrainingConfig& config, const std::filesystem::path& folder);

}  // namespace molmo::train
