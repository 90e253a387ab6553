// Ranges of the elements of a tensor, or of a slice of it, and what two of them have in common: how a saved state is
// read by ranks that divide its tensors in another way than those that wrote it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "model/tensor_slice.h"

namespace molmo::checkpoint {

// Of the slice flattened in row-major order. Refers to what describes it.
struct ElementRange {
  const std::vector<int64_t>& shape;  // of the whole tensor
  const model::TensorSlice& slice;
  int64_t begin, count;
};

int64_t count_elements(const std::vector<int64_t>& shape, const model::TensorSlice& slice);

// Calls visit(first element in a, first element in b, count) for every run of elements that are in both, counted from
// the beginnings of the ranges. Both are of one tensor.
void visit_common(const ElementRange& a, const ElementRange& b,
                  const std::function<void(int64_t in_a, int64_t in_b, int64_t count)>& visit);

}  // namespace molmo::checkpoint
