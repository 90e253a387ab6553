// Any checkpoint -> the released Hugging Face layout: safetensors (shards with an index, or one file), config.json,
// generation_config.json, tokenizer and processor files. Weights go through one by one, so memory stays at the size of
// the largest one.
//   convert_checkpoint("run/step1000-unsharded", "my-molmo", {.dtype = DType::BF16});
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/dtype.h"

namespace molmo::checkpoint {

constexpr uint64_t kDefaultShardBytes = 5'000'000'000;

struct ConvertOptions {
  std::optional<DType> dtype = std::nullopt;                    // empty: as stored, bit-identical
  std::optional<std::filesystem::path> adapter = std::nullopt;  // folder of an adapter that is merged into the weights
  // Folder of tokenizer.json, for checkpoints without one (the reference's training writes none). Empty: the input's
  // own.
  std::optional<std::filesystem::path> tokenizer = std::nullopt;
  uint64_t max_shard_bytes = kDefaultShardBytes;
  bool overwrite = false;  // replace a folder that is not empty
};

// The output appears complete or not at all. Throws InvalidArgument when `output` is the input or is not empty and may
// not be overwritten, Io when the disk is too small, and what Checkpoint::open throws.
void convert_checkpoint(const std::filesystem::path& input, const std::filesystem::path& output,
                        const ConvertOptions& options = {});

}  // namespace molmo::checkpoint
