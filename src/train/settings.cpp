#include "train/settings.h"

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
    "output",       "num_workers", "save_every",     "keep_checkpoints",  "export_every",
    "export_dtype", "log_every",   "evaluate_every", "evaluate_examples",
};

using Settings = std::vector<std::pair<std::string, std::string>>;

void flatten(const Json& json, const std::string& path, Settings& settings) {
  if (json.is_structured() && !json.empty()) {
    for (const auto& [key, value] : json.items()) flatten(value, path.empty() ? key : path + "." + key, settings);
  } else {
    settings.emplace_back(path, dump_json(json));
  }
}

Settings flatten_yaml(const std::string& yaml, const std::string& source) {
  Settings settings;
  flatten(parse_yaml(yaml, source), "", settings);
  return settings;
}

// By path, without those that change no weights.
std::map<std::string, std::string> comparable(const Settings& settings) {
  std::map<std::string, std::string> by_path(settings.begin(), settings.end());
  for (const std::string_view path : kHarmless) by_path.erase(std::string(path));
  return by_path;
}

}  // namespace

Settings list_settings(const config::TrainingConfig& config) {
  return flatten_yaml(config::write_training_config(config), "configuration");
}

std::vector<std::string> keep_settings(const config::TrainingConfig& config, const std::filesystem::path& file) {
  const std::string text = config::write_training_config(config);
  std::vector<std::string> changes;
  if (std::filesystem::exists(file)) {
    const auto before = comparable(flatten_yaml(read_file(file), file.string()));
    const auto now = comparable(list_settings(config));
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
