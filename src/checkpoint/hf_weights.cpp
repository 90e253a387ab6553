#include "checkpoint/hf_weights.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/safetensors.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxIndexBytes = 64u << 20;
constexpr int kMaxIndexDepth = 8;

// Tensor name -> shard name. Parsed into a sorted document, since the one that keeps the order of keys searches through
// all for each new one.
std::map<std::string, std::string> read_index(const fs::path& path) {
  const std::string text = read_file(path, kMaxIndexBytes);
  const std::string source = path.string();
  std::vector<std::set<std::string>> keys;
  const auto guard = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxIndexDepth)
      fail(ErrorCategory::BadData, "{}: JSON is nested deeper than {} levels", source, kMaxIndexDepth);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second) {
      fail(ErrorCategory::BadData, "{}: key '{}' appears twice", source, parsed.get<std::string>());
    }
    return true;
  };
  nlohmann::json document;
  try {
    document = nlohmann::json::parse(text, guard);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCategory::BadData, "{}: not valid JSON: {}", source, error.what());
  }
  if (!document.is_object() || !document.contains("weight_map") || !document["weight_map"].is_object()) {
    fail(ErrorCategory::BadData, "{}: has no weight_map, expected {{\"weight_map\": {{tensor: file}}}}", source);
  }
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    if (!is_sound_name(tensor)) {
      fail(ErrorCategory::BadData, "{}: a tensor's name is longer than 1024 bytes or has control characters", source);
    }
    if (!shard.is_string()) fail(ErrorCategory::BadData, "{}: '{}' has no file name", source, tensor);
    shards.emplace_hint(shards.end(), tensor, shard.get<std::string>());
  }
  return shards;
}

// A name that could lead out of the folder would let a checkpoint map any file of this machine.
void check_shard_name(const std::string& name, const fs::path& index) {
  if (!is_sound_name(name)) {
    fail(ErrorCategory::BadData, "{}: the name of a shard is longer than 1024 bytes or has control characters",
         index.string());
  }
  if (name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos) {
    fail(ErrorCategory::BadData, "{}: shard '{}' is not the name of a file in this folder", index.string(), name);
  }
}

StoredTensors open_shards(const fs::path& folder) {
  const fs::path index = folder / kWeightsIndexName;
  const std::map<std::string, std::string> expected = read_index(index);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : expected) names.insert(shard);
  StoredTensors tensors;
  std::map<std::string, std::string> found_in;
  for (const std::string& name : names) {
    check_shard_name(name, index);
    if (!fs::exists(folder / name))
      fail(ErrorCategory::NotFound, "{}: shard '{}' is listed, but it is not in the folder. Was the download complete?",
           index.string(), name);
    const SafetensorsFile file = SafetensorsFile::open(folder / name);
    for (const auto& [tensor, entry] : file.entries()) {
      const auto listed = expected.find(tensor);
      if (listed == expected.end()) {
        log_warn("{}: '{}' is not listed in {} and was left out", (folder / name).string(), tensor, kWeightsIndexName);
      } else if (listed->second == name) {
        tensors.emplace(tensor, file.stored(tensor));
      } else {
        found_in.emplace(tensor, name);
      }
    }
  }
  for (const auto& [tensor, shard] : expected) {
    if (tensors.contains(tensor)) continue;
    const auto elsewhere = found_in.find(tensor);
    if (elsewhere == found_in.end())
      fail(ErrorCategory::BadData, "{}: '{}' should be in {}, but no shard has it", index.string(), tensor, shard);
    fail(ErrorCategory::BadData, "{}: '{}' should be in {}, but it is in {}. Do the shards belong together?",
         index.string(), tensor, shard, elsewhere->second);
  }
  return tensors;
}

}  // namespace

StoredTensors open_hf_weights(const fs::path& folder) {
  if (fs::exists(folder / kWeightsName)) {
    const SafetensorsFile file = SafetensorsFile::open(folder / kWeightsName);
    StoredTensors tensors;
    for (const auto& [name, entry] : file.entries()) tensors.emplace_hint(tensors.end(), name, file.stored(name));
    return tensors;
  }
  if (fs::exists(folder / kWeightsIndexName)) return open_shards(folder);
  const bool has_pickles =
      fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
  if (has_pickles) {
    fail(ErrorCategory::Unsupported,
         "{}: has weights only as pytorch_model.bin, expected safetensors. Save them again as safetensors.",
         folder.string());
  }
  fail(ErrorCategory::NotFound, "{}: has no weights, expected {} or {}", folder.string(), kWeightsName,
       kWeightsIndexName);
}

}  // namespace molmo::checkpoint
