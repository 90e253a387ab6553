// Packed matrices as tensors: uint8 [num_panels, panel_bytes] where a dense one would be [O, I]. Whether 8 or 4 bits
// follows from the bytes of a panel.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "kernels/packed_weight.h"

namespace molmo::model {

inline bool is_packed(const at::Tensor& weight) { return weight.defined() && weight.scalar_type() == at::kByte; }

// The shape of a packed matrix [out_features, in_features]. Throws InvalidArgument with `what` for a tensor that is none.
kernels::PackedShape packed_shape(const at::Tensor& packed, int64_t out_features, int64_t in_features, std::string_view what);

// Rows of a packed matrix as float32: ids [N] int64 in [0, O) -> [N, I]; without ids all rows.
at::Tensor unpack_rows(const at::Tensor& packed, const kernels::PackedShape& shape, const at::Tensor& ids);
at::Tensor unpack(const at::Tensor& packed, const kernels::PackedShape& shape);

}  // namespace molmo::model
