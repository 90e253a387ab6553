// Where a training run stands, on disk, so that nothing that goes wrong costs more than the steps since the last save.
//   TrainingStates states("run/checkpoints");
//   states.save(400, {{"stage", 0}}, tensors, /*keep=*/2);
//   if (auto saved = states.newest()) saved->read(tensors);      // saved->step(), saved->progress()
// A state is the folder `step-00000400`:
//   state-00000-of-00002.safetensors   what rank 0 held: whole tensors by name, parts as "name@begin" [n]
//   state-00000-of-00002.json          every tensor of that file with its SHA-256, and that of the file's header; of a
//                                      part, which slice of the tensor (rows or columns), and the range in the slice
//   manifest.json, manifest.sha256     the step, the caller's progress, the other files; and the hash of the manifest
// Beside the folders, `latest` names the newest, for other programs.
// Saving: all ranks write into `step-00000400.tmp` and sync; each reads back and compares; rank 0 writes the manifest,
// renames the folder, syncs, moves `latest`, and only then removes old states. A process that is killed at any instant,
// or a call of the system that fails, leaves the states before as they are; what is unfinished goes at the next start.
// Reading: every byte is compared with its hash before a state is believed. The ranks that read may be more or fewer
// than those that wrote.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/tensor_slice.h"

namespace molmo::checkpoint {

// The part of a tensor that this rank holds: a range of its elements, or of those of a slice of it, flattened in
// row-major order.
struct StateTensor {
  std::string name;               // of the whole tensor, "weights/transformer.ln_f.weight"
  std::vector<int64_t> shape;     // of the whole tensor
  int64_t begin = 0;              // where the range begins
  at::Tensor values;              // as many elements as the range has, contiguous
  model::TensorSlice slice = {};  // that the range is of
};

// The ranks that save together.
struct StateRanks {
  int64_t rank = 0, num_ranks = 1;
  // Waits for all ranks, and is true when all of them said so. Also makes what one rank wrote visible to the others.
  std::function<bool(bool)> all_agree = [](bool is_fine) { return is_fine; };
};

class SavedState {
 public:
  int64_t step() const;
  const Json& progress() const;  // what the caller gave to save()
  const std::filesystem::path& folder() const;
  std::map<std::string, std::vector<int64_t>> tensors() const;  // name -> whole shape
  // Fills the values of every range. Throws BadData naming the tensor when one is not there, or has another shape or
  // type: the configuration of the run was changed.
  void read(std::span<const StateTensor> into) const;

 private:
  friend class TrainingStates;
  struct Contents;
  std::shared_ptr<const Contents> contents_;
};

class TrainingStates {
 public:
  explicit TrainingStates(std::filesystem::path folder, StateRanks ranks = {});

  // All ranks call it, each with what it holds; together they cover every tensor once. The states before the newest
  // `keep` are removed. Throws Io on every rank when one failed; nothing is left of the attempt.
  void save(int64_t step, const Json& progress, std::span<const StateTensor> tensors, int64_t keep);

  // The newest state that is whole. Damaged ones are logged, with file and tensor, and passed over. All ranks call it
  // and get the same one. Throws BadData when there are states, but none is whole.
  std::optional<SavedState> newest() const;

  // Steps of the states that are there, whole or not, newest first.
  std::vector<int64_t> steps() const;
  std::filesystem::path folder_of(int64_t step) const;

 private:
  void write_share(const std::filesystem::path& folder, std::span<const StateTensor> tensors) const;
  void finish(const std::filesystem::path& temporary, int64_t step, const Json& progress) const;
  void prune(int64_t step, int64_t keep) const;
  void remove_unfinished() const;

  std::filesystem::path folder_;
  StateRanks ranks_;
};

// Compares every byte of a state with its hash, this rank's share of the files. Throws BadData naming file and tensor.
void verify_state(const std::filesystem::path& folder, const StateRanks& ranks = {});

}  // namespace molmo::checkpoint
