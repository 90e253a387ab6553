#include "model/tensor_slice.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

namespace molmo::model {

std::vector<int64_t> TensorSlice::part_shape(at::IntArrayRef whole) const {
  std::vector<int64_t> shape = whole.vec();
  if (is_whole()) return shape;
  int64_t& part_size = shape[static_cast<size_t>(axis)];
  part_size = 0;
  for (const auto& [begin, end] : ranges) part_size += end - begin;
  return shape;
}

std::vector<int64_t> TensorSlice::whole_shape(at::IntArrayRef part) const {
  std::vector<int64_t> shape = part.vec();
  if (!is_whole()) shape[static_cast<size_t>(axis)] = size;
  return shape;
}

at::Tensor TensorSlice::take(const at::Tensor& whole) const {
  if (is_whole()) return whole;
  std::vector<at::Tensor> pieces;
  for (const auto& [begin, end] : ranges) pieces.push_back(whole.narrow(axis, begin, end - begin));
  return pieces.size() == 1 ? pieces[0].contiguous() : at::cat(pieces, axis);
}

at::Tensor TensorSlice::place(const at::Tensor& part) const {
  if (is_whole()) return part;
  at::Tensor whole = at::zeros(whole_shape(part.sizes()), part.options().requires_grad(false));
  int64_t in_part = 0;
  for (const auto& [begin, end] : ranges) {
    whole.narrow(axis, begin, end - begin).copy_(part.narrow(axis, in_part, end - begin));
    in_part += end - begin;
  }
  return whole;
}

}  // namespace molmo::model
