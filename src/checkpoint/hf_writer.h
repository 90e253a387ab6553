// The weights and documents of a released folder, written.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/dtype.h"
#include "config/model.h"

namespace molmo::checkpoint {

using DTypes = std::map<std::string, DType>;  // by native parameter name

// Bytes of all parameters at these types.
uint64_t weight_bytes(const config::ModelConfig& config, const DTypes& dtypes);
// The type that most of these bytes have, which config.json names.
DType main_dtype(const config::ModelConfig& config, const DTypes& dtypes);

// Writes model.safetensors, or shards of at most `max_shard_bytes` (but at least one tensor) with their index.
// `produce` is asked for each parameter by native name, in the order of the parameter table, and gives it in the type
// of `dtypes`.
void write_hf_weights(const std::filesystem::path& folder, const config::ModelConfig& config, const DTypes& dtypes,
                      uint64_t max_shard_bytes, const std::function<at::Tensor(const std::string& native)>& produce);

// config.json, preprocessor_config.json, processor_config.json.
void write_hf_documents(const std::filesystem::path& folder, const config::ModelConfig& config, DType dtype,
                        bool has_code);

}  // namespace molmo::checkpoint
