// The learned position table of a vision tower, laid over grids of another size.
#pragma once

#include <ATen/core/Tensor.h>

namespace molmo::model {

// table: [side * side, W], row-major -> [rows * columns, W]: the table itself where the grid is the same, else bicubic
// interpolation with antialias (reference: add_pos_emb in olmo/image_vit.py).
// Throws InvalidArgument when the table is no square.
at::Tensor positions_for_grid(const at::Tensor& table, int64_t rows, int64_t columns);

}  // namespace molmo::model
