// Measures a model from a picture to its answer, step by step, in turn with the limits of the machine.
//   std::vector<Run> runs = measure(molmo, {.threads = {2}});
//   double ms = runs[0].medians().vision.ms;
// The steps are those of a session (generate/session.h), on a drawn picture and random text. `linear_totals` and the
// numbers of threads belong to it meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/molmo.h"

namespace molmo::bench {

struct MeasureOptions {
  int64_t image_crops = 12;    // high-resolution ones; 0: no picture
  int64_t prompt_tokens = 40;  // of text, beside those of the picture
  int64_t generated_tokens = 16;
  int64_t repetitions = 5;
  std::optional<at::ScalarType> cache_type = {};  // of keys and values (model/kv_cache.h)
  std::vector<int> threads;                       // every repetition is measured with each of these
};

// How long a step took, and what its linear layers did meanwhile (model/linear_meter.h).
struct Step {
  double ms = 0;
  double linear_ms = 0;
  double operations = 0;
  double weight_bytes = 0;
};

struct Repetition {
  Step preprocess;  // a JPEG in memory to crops and tokens
  Step vision;      // tower
  Step connector;
  Step prefill;  // to the choice of the first token
  Step decode;   // per token
  Step outside;  // the part of `decode` that does not grow with the number of layers: embedding and head
  double int8_gops = 0, float32_gops = 0, read_gb_per_s = 0;  // the machine's limits
};

// What one number of threads gave.
struct Run {
  int threads = 0;
  std::vector<Repetition> repetitions;

  Repetition medians() const;  // of each figure for itself
};

struct Measurement {
  std::vector<Run> runs;                        // in the order of MeasureOptions::threads
  int64_t num_crops = 0;                        // the low-resolution one included
  int64_t image_tokens = 0, prompt_tokens = 0;  // prompt: all
  int64_t generated_tokens = 0;
  uint64_t peak_memory_bytes = 0;  // of the process, after the first repetition, before limits of memory were measured
};

// Throws InvalidArgument where prompt and answer are longer than the context.
Measurement measure(const model::Molmo& molmo, const MeasureOptions& options);

}  // namespace molmo::bench
