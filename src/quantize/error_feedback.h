// Rounding in which columns make up for the errors of those before them (GPTQ: Frantar et al., 2022). An error of one
// weight can be undone in the output by changing others, as far as their inputs go together. With H the products of a
// matrix's inputs, summed over tokens, and U^T U = H^-1 (U upper triangular): after column k was rounded with the
// error e, every column j behind it changes by -e U[k, j] / U[k, k].
//   FeedbackQuantizer quantizer(kernels::PackedType::Q4, in_features, feedback);
//   kernels::write_packed_row(shape, matrix, row, quantizer.quantize(values));
// H is kept in blocks on its diagonal; columns of different blocks do not make up for each other. Knows no torch. One
// per thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/round_to_nearest.h"

namespace molmo::quantize {

inline constexpr int64_t kFeedbackBlock = 512;  // columns; a multiple of 32

// Without shares, each column stands alone; without importance, all matter the same.
struct ErrorFeedback {
  // [blocks, kFeedbackBlock, kFeedbackBlock]: U[k, j] / U[k, k] behind the diagonal, 0 elsewhere.
  std::vector<float> shares;
  std::vector<float> importance;  // [in_features]: 1 / U[k, k]^2, the cost of an error that others make up for
};

class FeedbackQuantizer {
 public:
  // `feedback` must outlive it.
  FeedbackQuantizer(kernels::PackedType type, int64_t in_features, const ErrorFeedback& feedback);

  // As RowQuantizer::quantize; values may be off by more than half a step.
  kernels::PackedRow quantize(std::span<const float> row);

 private:
  // The whole weight (code times group scale) that column k becomes.
  float round_column(int64_t k);

  kernels::PackedShape shape_;  // of one row
  const ErrorFeedback& feedback_;
  RowQuantizer first_guess_;
  std::vector<float> importance_;  // [blocks * kFeedbackBlock], zeros at the end
  std::vector<float> values_;      // the same, in row scales
  std::vector<uint8_t> group_scales_;
  std::vector<int8_t> codes_;
};

}  // namespace molmo::quantize
