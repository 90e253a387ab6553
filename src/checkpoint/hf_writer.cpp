#include "checkpoint/hf_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/hf_weights.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_index.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {
namespace {

using config::ModelConfig;

struct Shard {
  std::vector<std::pair<std::string, TensorEntry>> entries;  // by stored name
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
  uint64_t num_bytes = 0;
};

// Norms are never packed, so there is always one.
DType main_dense_type(const ModelConfig& config, const StoredTypes& types) {
  std::map<DType, uint64_t> bytes;
  for (const auto& parameter : model::parameter_table(config)) {
    const StoredType type = types.at(parameter.name);
    if (!is_packed(type)) bytes[element_type(type)] += stored_bytes(type, parameter.shape);
  }
  check_internal(!bytes.empty(), "every model has dense weights");
  return std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

uint64_t weight_bytes(const ModelConfig& config, const StoredTypes& types) {
  uint64_t total = 0;
  for (const auto& parameter : model::parameter_table(config))
    total += stored_bytes(types.at(parameter.name), parameter.shape);
  return total;
}

void write_hf_weights(const std::filesystem::path& folder, const ModelConfig& config, const StoredTypes& types,
                      uint64_t max_shard_bytes, const std::function<at::Tensor(const std::string& native)>& produce) {
  const bool is_moe = config.decoder.has_experts();
  std::vector<Shard> shards;
  std::map<std::string, std::string> native_names;
  uint64_t total_bytes = 0;
  for (const auto& parameter : model::parameter_table(config)) {
    const StoredType type = types.at(parameter.name);
    const uint64_t num_bytes = stored_bytes(type, parameter.shape);
    if (shards.empty() || shards.back().num_bytes + num_bytes > max_shard_bytes) shards.emplace_back();
    const std::string name = hf_name(parameter.name, is_moe);
    native_names[name] = parameter.name;
    shards.back().entries.emplace_back(name, TensorEntry{element_type(type), stored_shape(type, parameter.shape)});
    shards.back().num_bytes += num_bytes;
    if (is_packed(type)) {
      shards.back().metadata[name] =
          fmt::format("{} [{}, {}]", enum_name(type), parameter.shape[0], parameter.shape[1]);
    }
    total_bytes += num_bytes;
  }
  const auto produce_stored = [&](const std::string& name) { return produce(native_names.at(name)); };
  if (shards.size() == 1) {
    write_safetensors(folder / kWeightsName, shards[0].entries, shards[0].metadata, produce_stored);
    return;
  }
  std::map<std::string, std::string> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string file = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_safetensors(folder / file, shards[i].entries, shards[i].metadata, produce_stored);
    for (const auto& [name, unused] : shards[i].entries) files[name] = file;
  }
  write_json_file(folder / kWeightsIndexName, {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", files}});
}

void write_hf_documents(const std::filesystem::path& folder, const ModelConfig& config, const StoredTypes& types,
                        bool has_code) {
  Json document = write_hf_config(config, main_dense_type(config, types), has_code);
  const bool has_packed = std::ranges::any_of(types, [](const auto& row) { return is_packed(row.second); });
  if (has_packed) document["quantization_config"] = {{"quant_method", kQuantMethod}};
  write_json_file(folder / "config.json", document);
  write_json_file(folder / "preprocessor_config.json", write_preprocessor_config(config, has_code));
  write_json_file(folder / "processor_config.json", write_processor_config(config.decoder.has_experts(), has_code));
}

}  // namespace molmo::checkpoint
