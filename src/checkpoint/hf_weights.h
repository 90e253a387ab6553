// The safetensors of a released folder: one file, or shards that an index lists.
#pragma once

#include <filesystem>

#include "checkpoint/weight_index.h"

namespace molmo::checkpoint {

inline constexpr const char* kWeightsName = "model.safetensors";
inline constexpr const char* kWeightsIndexName = "model.safetensors.index.json";

// Every tensor by its stored name. The index is believed only where the shards agree with it: a shard that is missing
// or lies outside of the folder, and a tensor that is not where the index says, are errors. Throws NotFound, BadData or
// Unsupported.
StoredTensors open_hf_weights(const std::filesystem::path& folder);

}  // namespace molmo::checkpoint
