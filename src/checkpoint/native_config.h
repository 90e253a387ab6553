// The reference's model configuration (olmo/config.py): its config.yaml holds it under `model:`, MolmoE's released
// config.json is written with the same names, and the other released config.json differ by a few of them (hf_config.h).
#pragma once

#include <filesystem>

#include "base/json.h"
#include "checkpoint/settings_reader.h"
#include "config/model.h"

namespace molmo::checkpoint {

// What the reference assumes where a file leaves an optional setting out.
config::ModelConfig reference_defaults();

// Settings that are missing keep their value in `defaults`; those that would change the arithmetic in ways that we do
// not follow are refused. The result is valid. Throws BadData or Unsupported.
config::ModelConfig read_model_settings(const SettingsReader& settings, const config::ModelConfig& defaults);

// The `model:` part of a config.yaml.
config::ModelConfig read_native_config(const std::filesystem::path& config_yaml);

// The settings of the vision tower as the reference writes them. Throws Unsupported for a tower that its names cannot
// express.
Json write_vision_settings(const config::ModelConfig& config);

}  // namespace molmo::checkpoint
