// Generated data as files: the published PixMo schema of the kind, and the truth of everything that was drawn.
//   write_set(find_generator("points"), {.output = "out", .num_examples = 1000, .synth = options});
// The folder then holds
//   data/train-00000-of-00001.parquet   (of `docs` one for each part: charts/, tables/, diagrams/, other/), or
//   data.jsonl
//                                        for kinds without a table in PixMo (data/jsonl.h)
//   images/points-0000007.jpg           `docs` carries its pictures in the table
//   labels/points-0000007.png           with label maps, where the options ask for them
//   truth.jsonl                         one line for each example
// It appears complete or not at all, and has the same bytes whatever the number of threads.
#pragma once

#include <cstdint>
#include <filesystem>

#include "synth/generator.h"

namespace molmo::synth {

struct WriteOptions {
  std::filesystem::path output;
  int64_t num_examples = 1000;
  SynthOptions synth = {};
  bool overwrite = false;  // replace a folder that is not empty
};

struct WriteSummary {
  int64_t num_examples = 0, num_rows = 0;
  uint64_t picture_bytes = 0;
};

// Throws what make_sample throws, InvalidArgument for a folder with something in it, Io.
WriteSummary write_set(const GeneratorEntry& generator, const WriteOptions& options);

}  // namespace molmo::synth
