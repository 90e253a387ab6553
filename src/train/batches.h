// The micro-batches of a stage, step by step, of examples that worker threads prepare ahead.
//   BatchStream batches(mixture, builder, stage, {.first_sample = samples_so_far});
//   std::vector<Batch> micro_batches = batches.next_step();
// Sample p of the global order belongs to data rank p mod R, so that a step takes the same samples whatever R is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "data/loader.h"
#include "train/examples.h"

namespace molmo::train {

struct BatchStreamOptions {
  uint64_t first_sample = 0;  // position in the global order
  int64_t rank = 0, num_ranks = 1;
  int64_t num_workers = 2;
  // While a GPU computes a step, the next one is put together, and laid where the GPU can fetch it.
  bool is_for_gpu = false;
};

class BatchStream {
 public:
  // Throws InvalidArgument when `global_batch` is not a multiple of the ranks.
  BatchStream(std::shared_ptr<const data::Mixture> mixture, std::shared_ptr<const ExampleBuilder> builder,
              const config::StageConfig& stage, const BatchStreamOptions& options);
  ~BatchStream();

  // This rank's share of the next global batch, in micro-batches of examples of like lengths, the longest first; the
  // last one may be smaller. Throws what no other example could replace.
  std::vector<Batch> next_step();

  // Of the step that was taken last, in order.
  const std::vector<data::BadSample>& bad_samples() const { return taken_.bad_samples; }
  // That next_step() waited, in all.
  std::chrono::duration<double> time_waited() const { return time_waited_; }

 private:
  struct Step {
    std::vector<Batch> micro_batches;
    std::vector<data::BadSample> bad_samples;
    std::exception_ptr error;
  };

  Step prepare_step();
  void prepare_ahead();

  std::shared_ptr<const ExampleBuilder> builder_;
  int64_t examples_per_step_ = 0, micro_batch_ = 0;
  bool is_for_gpu_ = false;
  data::Loader<PreparedExample> loader_;
  size_t num_bad_seen_ = 0;
  Step taken_;
  std::chrono::duration<double> time_waited_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Step> ready_;
  bool is_stopping_ = false;
  std::thread thread_;  // that prepares ahead for a GPU; last: it uses everything above
};

}  // namespace molmo::train
