// What is trained, spread over the ranks of a run: each keeps, updates and saves its part. Whole parameters exist while
// they are used: those of a decoder block from before its forward (or backward) pass until after it, all others always.
// Gradients of a block are summed over ranks when its backward pass ends, those of the rest at the end of the step.
// Weights of blocks that are not trained are spread likewise.
//   Shards shards(parameters, frozen, ranks);              // their values become views of buffers in here
//   shards.run_block(layer, block, x, /*recomputes=*/false);
//   shards.sum_gradients();   for (i) update(shards.part(i).value, shards.gradient(i));   shards.finish_update();
// A unit is what is trained (or not) of a block, or everything else that is trained. Its tensors lie one behind the
// other in one buffer, padded so that every rank's part is as long: one collective moves a unit. In a run of one
// process, and where ranks only replicate, parts are the parameters themselves. All ranks call the same functions in
// the same order.
// Where ranks share each layer, "whole" is what this one has of a parameter (Parameter::slice), and what is divided so
// is a unit apart. What all of them have, they add up the gradients of, and divide by their number where all found the
// same: so it stays the same bits, whatever the order of sums on their devices.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "dist/process_group.h"
#include "train/parameters.h"
#include "train/ranks.h"

namespace molmo::train {

class Shards {
 public:
  struct Part {
    int64_t begin = 0;  // the first element, of the parameter flattened in row-major order
    at::Tensor value;   // [n], n may be 0
  };

  // All must outlive the object. frozen: weights of blocks that are spread too where ranks hold shards.
  Shards(std::span<Parameter> parameters, std::span<Parameter> frozen, const Ranks& ranks);

  const Part& part(size_t parameter) const { return parts_[parameter]; }

  // block(x), of a block of the decoder: with its parameters whole while it runs, forward and backward. `recomputes`:
  // the backward pass runs it again instead of keeping its activations.
  at::Tensor run_block(int64_t layer, const std::function<at::Tensor(const at::Tensor&)>& block, const at::Tensor& x,
                       bool recomputes);

  // After the backward pass of all micro-batches.
  void sum_gradients();
  // Of the part, summed over all ranks: [n]. Undefined where no rank has a gradient.
  at::Tensor gradient(size_t parameter) const;
  void drop_gradients();
  // After the parts were changed.
  void finish_update();

  // Everything that is in here, one after the other, whole as long as the call lasts.
  void visit_whole(const std::function<void(const Parameter&)>& visit);

 private:
  struct Member {
    Parameter* parameter = nullptr;
    size_t index = 0;    // among those that are trained
    int64_t offset = 0;  // in the buffer
  };
  struct Unit {
    std::vector<Member> members;
    bool is_block = false, is_trained = true;
    bool is_sliced = false;  // its parameters are parts, of ranks that share each layer
    at::Tensor whole;        // [S * n]; without memory while it is not needed
    at::Tensor own;          // [n] of this rank; the same memory as `whole` without shards
    at::Tensor gradient;     // [n], summed over the ranks of the shards so far; undefined before the first
    dist::Pending gathering;
    bool is_whole = true;
  };

  bool is_sharded() const { return ranks_.shards->num_ranks() > 1; }
  bool is_alone() const { return ranks_.is_alone(); }
  void lay_out(Unit& unit);
  void place_part(const Unit& unit, const Member& member);
  std::span<Unit> units_of_block(int64_t layer);
  void start_gather(Unit& unit);
  void open(int64_t layer, int64_t next_layer);
  void close(Unit& unit);
  void close_block(int64_t layer);
  bool finds_same_gradient(const Parameter& parameter) const;
  void collect_gradients(Unit& unit);

  std::span<Parameter> parameters_;
  const Ranks& ranks_;
  std::vector<Unit> units_;                          // what is in no block, then block after block
  std::vector<std::pair<size_t, size_t>> of_block_;  // first unit and number of units
  std::vector<Part> parts_;
  std::vector<size_t> unit_of_;       // of each parameter
  std::vector<int64_t> in_own_;       // where its part begins in the own part of the unit
  std::vector<double> has_gradient_;  // on how many ranks
};

}  // namespace molmo::train
