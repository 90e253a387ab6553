// A checkpoint with random weights, drawn as the reference initialises them, in the released Hugging Face layout.
//   init_checkpoint(config::preset("molmo-7b-d"), "random-7b", {.seed = 1});
// The same seed gives the same bytes for any number of threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/dtype.h"
#include "checkpoint/convert.h"
#include "config/model.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {

struct InitOptions {
  uint64_t seed = 0;
  DType dtype = DType::BF16;
  // Folder with the tokenizer to copy; its image tokens must have the ids that the configuration gives them.
  // Empty: a tokenizer of single bytes is generated, padded to the vocabulary.
  std::optional<std::filesystem::path> tokenizer = std::nullopt;
  uint64_t max_shard_bytes = kDefaultShardBytes;
  bool overwrite = false;
};

// Weights are drawn in parallel and streamed to disk. Throws InvalidArgument, or Io when the disk is too small.
void init_checkpoint(const config::ModelConfig& config, const std::filesystem::path& output,
                     const InitOptions& options = {});

// One parameter of such a checkpoint.
at::Tensor initial_weight(const model::ParameterSpec& parameter, const config::ModelConfig& config, DType dtype,
                          uint64_t seed);

}  // namespace molmo::checkpoint
