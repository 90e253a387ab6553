// The micro-batches of a stage, step by step, prepared ahead by worker threads.
//   BatchStream batches(mixture, builder, stage, {.first_sample = samples_so_far});
//   std::vector<Batch> micro_batches = batches.next_step();
// Sample p of the global order belongs to data rank p mod R, so that a step takes the same samples whatever R is.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/loader.h"
#include "train/examples.h"

namespace molmo::train {

struct BatchStreamOptions {
  uint64_t first_sample = 0;  // position in the global order
  int64_t rank = 0, num_ranks = 1;
  int64_t num_workers = 2;
};

class BatchStream {
 public:
  // Throws InvalidArgument when `global_batch` is not a multiple of the ranks.
  BatchStream(std::shared_ptr<const data::Mixture> mixture, std::shared_ptr<const ExampleBuilder> builder,
              const config::StageConfig& stage, const BatchStreamOptions& options);

  // This rank's share of the next global batch, in micro-batches; the last one may be smaller. Throws what no other
  // example could replace.
  std::vector<Batch> next_step();

  // Since the last call, in order.
  std::vector<data::BadSample> take_bad_samples();
  // That next_step() waited for workers, in all.
  std::chrono::duration<double> time_waited() const { return time_waited_; }

 private:
  std::shared_ptr<const ExampleBuilder> builder_;
  int64_t examples_per_step_ = 0, micro_batch_ = 0;
  data::Loader<PreparedExample> loader_;
  size_t num_bad_taken_ = 0;
  std::chrono::duration<double> time_waited_{};
};

}  // namespace molmo::train
