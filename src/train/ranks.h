// What the processes of one training run do together, as the trainer sees it. The default is a run of one process, for
// which there is nothing to do. Each rank has its own share of the global batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace molmo::train {

// Of the elements of a parameter, flattened in row-major order.
struct Range {
  int64_t begin = 0, end = 0;

  int64_t size() const { return end - begin; }
};

class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int64_t rank() const { return 0; }
  virtual int64_t num_ranks() const { return 1; }

  // Replaces each value by its sum over all ranks.
  virtual void sum(std::span<double> values) { static_cast<void>(values); }

  // The range of a parameter whose optimizer state this rank holds and which it updates. Ranges of all ranks cover the
  // parameter once.
  virtual Range range(int64_t num_elements) const { return {0, num_elements}; }
  // Replaces at least this rank's range of a gradient by its sum over all ranks. Called for the same parameters in the
  // same order everywhere.
  virtual void reduce(const at::Tensor& gradient) { static_cast<void>(gradient); }
  // Fills a parameter with the ranges of all ranks after each has updated its own.
  virtual void gather(const at::Tensor& value) { static_cast<void>(value); }
};

}  // namespace molmo::train
