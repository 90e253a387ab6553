// Element types of stored tensors as libtorch calls them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <span>
#include <string>

#include "base/dtype.h"

namespace molmo::checkpoint {

at::ScalarType to_scalar_type(DType type);
// Throws Unsupported for types that no checkpoint of ours holds (complex, 8-bit floats, ...).
DType to_dtype(at::ScalarType type);

// Bytes of a contiguous tensor on the CPU; valid while the tensor lives.
std::span<const std::byte> tensor_bytes(const at::Tensor& tensor);

// "[8, 64]", for messages.
std::string shape_text(at::IntArrayRef shape);

}  // namespace molmo::checkpoint
