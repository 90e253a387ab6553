#include "checkpoint/hf_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

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
  uint64_t num_bytes = 0;
};

uint64_t parameter_bytes(const model::ParameterSpec& parameter, DType dtype) {
  return static_cast<uint64_t>(parameter.count()) * static_cast<uint64_t>(dtype_bytes(dtype));
}

}  // namespace

uint64_t weight_bytes(const ModelConfig& config, const DTypes& dtypes) {
  uint64_t total = 0;
  for (const auto& parameter : model::parameter_table(config))
    total += parameter_bytes(parameter, dtypes.at(parameter.name));
  return total;
}

DType main_dtype(const ModelConfig& config, const DTypes& dtypes) {
  std::map<DType, uint64_t> bytes;
  for (const auto& parameter : model::parameter_table(config)) {
    const DType dtype = dtypes.at(parameter.name);
    bytes[dtype] += parameter_bytes(parameter, dtype);
  }
  return std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

void write_hf_weights(const std::filesystem::path& folder, const ModelConfig& config, const DTypes& dtypes,
                      uint64_t max_shard_bytes, const std::function<at::Tensor(const std::string& native)>& produce) {
  const bool is_moe = config.decoder.has_experts();
  std::vector<Shard> shards;
  std::map<std::string, std::string> native_names;
  uint64_t total_bytes = 0;
  for (const auto& parameter : model::parameter_table(config)) {
    const DType dtype = dtypes.at(parameter.name);
    const uint64_t num_bytes = parameter_bytes(parameter, dtype);
    if (shards.empty() || shards.back().num_bytes + num_bytes > max_shard_bytes) shards.emplace_back();
    const std::string name = hf_name(parameter.name, is_moe);
    native_names[name] = parameter.name;
    shards.back().entries.emplace_back(name, TensorEntry{dtype, parameter.shape});
    shards.back().num_bytes += num_bytes;
    total_bytes += num_bytes;
  }
  const auto produce_stored = [&](const std::string& name) { return produce(native_names.at(name)); };
  const std::map<std::string, std::string> metadata = {{"format", "pt"}};
  if (shards.size() == 1) {
    write_safetensors(folder / kWeightsName, shards[0].entries, metadata, produce_stored);
    return;
  }
  std::map<std::string, std::string> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string file = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_safetensors(folder / file, shards[i].entries, metadata, produce_stored);
    for (const auto& [name, unused] : shards[i].entries) files[name] = file;
  }
  write_json_file(folder / kWeightsIndexName, {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", files}});
}

void write_hf_documents(const std::filesystem::path& folder, const ModelConfig& config, DType dtype, bool has_code) {
  write_json_file(folder / "config.json", write_hf_config(config, dtype, has_code));
  write_json_file(folder / "preprocessor_config.json", write_preprocessor_config(config, has_code));
  write_json_file(folder / "processor_config.json", write_processor_config(config.decoder.has_experts(), has_code));
}

}  // namespace molmo::checkpoint
