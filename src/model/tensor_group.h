// The ranks that compute each layer of the decoder together, each with a part of its weights: tensor parallel
// (Megatron-LM, arXiv:1909.08053, section 3). Products come in pairs: the first one makes a part of its outputs on each
// rank (heads, neurons), the second reads that part of its inputs, and the sum over ranks is the result:
//   at::Tensor y = group.sum(down.forward(gated(up.forward(group.spread(x)))));
// Everything outside of such pairs is computed by all ranks alike. A group of one, the default, changes nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "model/tensor_slice.h"

namespace molmo::model {

class TensorGroup {
 public:
  // Adds up a contiguous tensor over the ranks, in place, to the same bits on all of them.
  using Sum = std::function<void(const at::Tensor& values)>;

  TensorGroup() = default;
  TensorGroup(int64_t rank, int64_t num_ranks, Sum sum = {});

  bool is_alone() const { return num_ranks_ == 1; }
  // Which of `count` heads, neurons or rows are this rank's: parts follow each other, and the last is the largest where
  // they are not equal.
  Range part(int64_t count) const;
  int64_t part_size(int64_t count) const;

  // From what all ranks compute alike to what each computes by itself: x, whose gradient is the sum of theirs.
  at::Tensor spread(const at::Tensor& x) const;
  // The way back: the sum of what the ranks have; each one's gradient is that of the sum.
  at::Tensor sum(const at::Tensor& x) const;

 private:
  int64_t rank_ = 0, num_ranks_ = 1;
  std::shared_ptr<const Sum> sum_;
};

}  // namespace molmo::model
