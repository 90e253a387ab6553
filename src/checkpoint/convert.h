// Any checkpoint -> the released Hugging Face layout: safetensors (shards with an index, or one file), config.json,
// generation_config.json, tokenizer and processor files. Weights go through one by one, so memory stays at the size of
// the largest one.
//   convert_checkpoint("run/step1000-unsharded", "my-molmo", {.dtype = DType::BF16});
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/dtype.h"
#include "checkpoint/checkpoint.h"

namespace molmo::checkpoint {

constexpr uint64_t kDefaultShardBytes = 5'000'000'000;

struct ConvertOptions {
  std::optional<DType> dtype = std::nullopt;                    // empty: as stored, bit-identical
  std::optional<std::filesystem::path> adapter = std::nullopt;  // folder of an adapter that is merged into the weights
  // Checkpoints of the same shapes: the mean of their weights and the input's is written, which is often better than
  // each of them where they are stages of one training (Wortsman et al., "Model soups", 2022).
  std::vector<std::filesystem::path> averaged_with = {};
  // Folder of tokenizer.json, for checkpoints without one (the reference's training writes none). Empty: the input's
  // own.
  std::optional<std::filesystem::path> tokenizer = std::nullopt;
  uint64_t max_shard_bytes = kDefaultShardBytes;
  bool overwrite = false;  // replace a folder that is not empty
};

// The output appears complete or not at all. Packed weights stay packed unless a type is asked for: --dtype makes them
// readable for other tools. Throws InvalidArgument
// when `output` is the input or is not empty and may not be overwritten, or when an adapter updates a packed weight, or
// a mean would have one; BadData when it would be of other shapes; Io when the disk is too small, and what
// Checkpoint::open throws.
void convert_checkpoint(const std::filesystem::path& input, const std::filesystem::path& output,
                        const ConvertOptions& options = {});

// All but the weights of a folder in the released layout, for weights of these types: documents, the files of the
// tokenizer in `tokenizer`, the Python files of a release.
void write_companions(const Checkpoint& checkpoint, const std::filesystem::path& tokenizer, const StoredTypes& types,
                      const std::filesystem::path& folder);

// Throws InvalidArgument when a checkpoint would be written over itself.
void check_output(const std::filesystem::path& input, const std::filesystem::path& output);

}  // namespace molmo::checkpoint
