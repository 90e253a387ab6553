#include "train/settings_change.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace molmo::train {
namespace {

constexpr std::array<std::string_view, 9> kHarmless = {
    "output",       "num_workers",  "save_every",     "keep_checkpoints",  "export_every",
    "export_dtype", "log_every",    "evaluate_every", "evaluate_examples",
};

// "stages.0.steps" -> value.
void flatten(const Json& json, const std::string& path, std::map<std::string, std::string>& settings) {
  if (json.is_structured() && !json.empty()) {
    for (const auto& [key, value] : json.items()) flatten(value, path.empty() ? key : path + "." + key, settings);
  } else if (std::find(kHarmless.begin(), kHarmless.end(), path) == kHarmless.end()) {
    settings[path] = dump_json(json);
  }
}

std::map<std::string, std::string> settings_of(const std::string& yaml, const std::string& source) {
  std::map<std::string, std::string> settings;
  flatten(parse_yaml(yaml, source), "", settings);
  return settings;
}

}  // namespace

std::vector<std::string> keep_settings(const config::TrainingConfig& config, const std::filesystem::path& file) {
  const std::string text = config::write_training_config(config);
  std::vector<std::string> changes;
  if (std::filesystem::exists(file)) {
    const auto before = settings_of(read_file(file), file.string());
    const auto now = settings_of(text, "configuration");
    for (const auto& [path, value] : now) {
      const auto old = before.find(path);
      if (old == before.end()) {
        changes.push_back(fmt::format("{} is new, {}", path, value));
      } else if (old->second != value) {
        changes.push_back(fmt::format("{} was {}, is {}", path, old->second, value));
      }
    }
    for (const auto& [path, value] : before) {
      if (!now.contains(path)) changes.push_back(fmt::format("{} was {}, is gone", path, value));
    }
  }
  write_file_atomic(file, text);
  return changes;
}

}  // namespace molmo::train
