#include "model/position_table.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>

#include <cmath>

#include "base/error.h"

namespace molmo::model {

at::Tensor positions_for_grid(const at::Tensor& table, int64_t rows, int64_t columns) {
  const int64_t side = std::llround(std::sqrt(static_cast<double>(table.size(0))));
  if (side * side != table.size(0)) {
    fail(ErrorCategory::InvalidArgument,
         "the position table of the vision tower has {} rows without the class token, expected a square number",
         table.size(0));
  }
  if (side == rows && side == columns) return table;
  const at::Tensor grid = table.reshape({1, side, side, table.size(1)}).permute({0, 3, 1, 2});
  const at::Tensor resized = at::_upsample_bicubic2d_aa(grid, {rows, columns}, /*align_corners=*/false);
  return resized.permute({0, 2, 3, 1}).reshape({rows * columns, table.size(1)});
}

}  // namespace molmo::model
