// What was changed in a configuration since a run began.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/training.h"

namespace molmo::train {

// Keeps the configuration beside its run, and returns how it differs from the one that was kept before, one line for each
// setting: "stages.0.steps was 100, is 200". Settings that change no weights (where to write, what to log) do not count.
std::vector<std::string> keep_settings(const config::TrainingConfig& config, const std::filesystem::path& file);

}  // namespace molmo::train
