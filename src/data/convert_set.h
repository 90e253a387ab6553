// Any data set as own data, and own data from one form into the other.
//   convert_set(*open_dataset({.name = "jsonl", .path = "own.jsonl"}), "own.parquet", {});
//   convert_set(*open_dataset({.name = "pixmo_docs_charts", .path = "pixmo-docs"}), "charts/charts.jsonl", {});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace molmo::data {

struct ConvertSetOptions {
  uint64_t max_examples = 0;  // 0: all
  uint64_t seed = 0;          // of what examples leave to chance: one draw becomes the data
  size_t max_problems = 20;   // that are kept
};

struct ConvertSetReport {
  uint64_t num_records = 0, num_pictures = 0;  // that were written
  uint64_t num_left_out = 0;
  std::vector<std::string> problems;  // the first reasons
};

// Writes records to `path`, which ends in .jsonl or .parquet. Pictures that a table carries, and drawn ones,
// become files in the folder `images` beside it, named by their SHA-256; other pictures stay where they are. Points
// inside answers are written out; metadata of evaluations is not kept. Examples that cannot be read, or that a record
// cannot say, are left out and counted. Atomic; reports progress.
ConvertSetReport convert_set(const Dataset& dataset, const std::filesystem::path& path,
                             const ConvertSetOptions& options);

}  // namespace molmo::data
