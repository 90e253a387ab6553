// Packed weights on another device than the CPU, whose kernels do not read kernels/packed_weight.h's order: unpacked
// there, or as libtorch's own product with 4-bit weights wants them.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "kernels/packed_weight.h"

namespace molmo::model {

// panels: uint8 [num_panels, panel_bytes] -> W [O, I] bfloat16, on the device of the panels.
at::Tensor unpack_on_device(const kernels::PackedShape& shape, const at::Tensor& panels);

// W [O, I] for libtorch's _weight_int4pack_mm.
struct Int4Weight {
  at::Tensor codes;             // laid out for the device's kernel
  at::Tensor scales_and_zeros;  // [I / 32, O, 2] bfloat16; a weight is scale * (code - 8) + zero, and zero is 0
};

// Empty where the kernel has no such product: other types than q4, devices other than CUDA and the CPU (which has the
// same product, for tests), inputs that are no multiple of 32, outputs that are none of 16.
std::optional<Int4Weight> to_int4_weight(const kernels::PackedShape& shape, const at::Tensor& panels);

// x: [..., I] on the weight's device -> [..., O], in the type of x; computed in bfloat16.
at::Tensor int4_linear(const at::Tensor& x, const Int4Weight& weight, int64_t out);

}  // namespace molmo::model
