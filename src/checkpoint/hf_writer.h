// The weights and documents of a released folder, written.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "checkpoint/stored_type.h"
#include "config/model.h"

namespace molmo::checkpoint {

// Bytes of all parameters at these types.
uint64_t weight_bytes(const config::ModelConfig& config, const StoredTypes& types);

// Writes model.safetensors, or shards of at most `max_shard_bytes` (but at least one tensor) with their index.
// `produce` is asked for each parameter once, by native name, and gives it in the type of `types`: packed ones as bytes
// [num_panels, panel_bytes]. The header's metadata says of these what they are: "q4 [152064, 3584]".
void write_hf_weights(const std::filesystem::path& folder, const config::ModelConfig& config, const StoredTypes& types,
                      uint64_t max_shard_bytes, const std::function<at::Tensor(const std::string& native)>& produce);

// config.json, preprocessor_config.json, processor_config.json. torch_dtype is the type that most bytes of the dense
// weights have; with packed ones there is a quantization_config, at which other tools stop.
void write_hf_documents(const std::filesystem::path& folder, const config::ModelConfig& config,
                        const StoredTypes& types, bool has_code);

}  // namespace molmo::checkpoint
