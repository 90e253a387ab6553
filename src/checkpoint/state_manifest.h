// What a saved state says about its files, written and checked. See training_state.h for the layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/json.h"
#include "model/tensor_slice.h"

namespace molmo::checkpoint {

struct StatePart {
  std::string name;  // of the whole tensor
  std::vector<int64_t> shape;
  model::TensorSlice slice;      // that the elements are of
  int64_t begin = 0, count = 0;  // elements of the flattened slice
  DType dtype = DType::F32;
  std::string sha256;

  bool is_whole() const;
  std::string stored_name() const;  // in the safetensors file
};

// The file of one rank.
struct StateShard {
  std::string file;
  uint64_t num_bytes = 0;
  std::string header_sha256;  // of everything before the first tensor
  std::vector<StatePart> parts;
};

struct StateManifest {
  int64_t step = 0;
  std::shared_ptr<const Json> progress;
  std::vector<StateShard> shards;
};

std::string shard_name(int64_t rank, int64_t num_ranks);        // "state-00000-of-00002.safetensors"
std::string shard_table_name(int64_t rank, int64_t num_ranks);  // "state-00000-of-00002.json"

void write_shard_table(const std::filesystem::path& path, const StateShard& shard);
// Reads the tables of all ranks, and writes manifest.json and manifest.sha256.
void write_manifest(const std::filesystem::path& folder, int64_t step, const Json& progress, int64_t num_ranks);
// Throws NotFound or BadData, naming the file, where anything is not as it was written.
StateManifest read_manifest(const std::filesystem::path& folder);
// Compares one file of a state with its hashes. Throws BadData naming file and tensor.
void verify_shard(const std::filesystem::path& folder, const StateShard& shard);

}  // namespace molmo::checkpoint
