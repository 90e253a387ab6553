// A part of a tensor: ranges along one of its axes, one behind the other. What a rank keeps of a weight that it shares
// with others, and where that lies in the whole.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

namespace molmo::model {

using Range = std::array<int64_t, 2>;  // begin, end

struct TensorSlice {
  int64_t axis = 0, size = 0;      // of the whole, along the axis
  std::vector<Range> ranges = {};  // ascending, not empty ones; none: the whole

  bool is_whole() const { return ranges.empty(); }
  // Shape of the whole -> of the part, and back.
  std::vector<int64_t> part_shape(at::IntArrayRef whole) const;
  std::vector<int64_t> whole_shape(at::IntArrayRef part) const;
  // The part, contiguous; of a whole the tensor itself.
  at::Tensor take(const at::Tensor& whole) const;
  // The whole with zeros where this part has nothing: parts that cover a tensor add up to it.
  at::Tensor place(const at::Tensor& part) const;

  bool operator==(const TensorSlice&) const = default;
};

}  // namespace molmo::model
