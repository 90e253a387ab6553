// The settings of a run one by one, and what was changed since it began.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "config/training.h"

namespace molmo::train {

// {"stages.0.steps", "100"}, ...: every setting in the order of the file, as it is written on the command line.
std::vector<std::pair<std::string, std::string>> list_settings(const config::TrainingConfig& config);

// Keeps the configuration beside its run, and returns how it differs from the one that was kept before, one line for
// each setting: "stages.0.steps was 100, is 200". Settings that change no weights (where to write, what to log) do not
// count.
std::vector<std::string> keep_settings(const config::TrainingConfig& config, const std::filesystem::path& file);

}  // namespace molmo::train
