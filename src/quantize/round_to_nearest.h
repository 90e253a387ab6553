// Rows of a matrix rounded to packed weights (kernels/packed_weight.h), each row on its own. Scales are searched for
// the least squared error, in which each column counts as much as it matters to the output: errors of a weight are
// multiplied by its input, so `importance` is the mean square of the inputs of that column (see input_statistics.h).
//   RowQuantizer quantizer(kernels::PackedType::Q4, in_features);
//   kernels::write_packed_row(shape, matrix, row, quantizer.quantize(values));
// Knows no torch and no files. One per thread: it owns the buffers that its answers lie in.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/packed_weight.h"

namespace molmo::quantize {

struct GroupScale {
  uint8_t scale = 0;  // 0 to 15
  float error = 0;    // sum of importance times squared error
};

// The group scale of q4 with the least error for 32 values.
GroupScale best_group_scale(const float* values, const float* importance, float row_scale);

class RowQuantizer {
 public:
  // importance: [in_features], finite and at least 0, copied; empty: all columns matter the same.
  RowQuantizer(kernels::PackedType type, int64_t in_features, std::span<const float> importance = {});

  // row: [in_features]. The answer is valid until the next call. q8: no value is off by more than half a step.
  // Throws BadData for a value that is not finite, naming its column.
  kernels::PackedRow quantize(std::span<const float> row);

 private:
  void round_q8();
  void round_q4();
  // Chooses group scales for a row scale; returns the error.
  double choose_group_scales(float row_scale, std::vector<uint8_t>& scales) const;
  // Codes for the scales, and the row scale that then has the least error.
  void round_codes(float row_scale);
  float best_row_scale() const;

  kernels::PackedShape shape_;     // of one row
  std::vector<float> importance_;  // [K], 0 behind in_features
  std::vector<float> values_;      // [K]: the row times a power of two, the largest between 1/2 and 1
  float row_scale_ = 0;            // for these
  std::vector<uint8_t> group_scales_, tried_scales_;
  std::vector<int8_t> codes_;
};

}  // namespace molmo::quantize
