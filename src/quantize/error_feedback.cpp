#include "quantize/error_feedback.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quantize/vector.h"

namespace molmo::quantize {

using kernels::kPackedGroup;
using kernels::PackedType;

FeedbackQuantizer::FeedbackQuantizer(PackedType type, int64_t in_features, const ErrorFeedback& feedback)
    : shape_{type, 1, in_features}, feedback_(feedback), first_guess_(type, in_features, feedback.importance) {
  const int64_t num_blocks = (in_features + kFeedbackBlock - 1) / kFeedbackBlock;
  importance_ = feedback.importance;
  importance_.resize(static_cast<size_t>(num_blocks * kFeedbackBlock), 0);
  values_.resize(importance_.size());
  codes_.resize(static_cast<size_t>(shape_.padded_in()));
  group_scales_.resize(codes_.size() / kPackedGroup);
}

float FeedbackQuantizer::round_column(int64_t k) {
  if (shape_.type == PackedType::Q8) {
    const float code = std::nearbyint(std::clamp(values_[k], -127.f, 127.f));
    codes_[k] = static_cast<int8_t>(code);
    return code;
  }
  uint8_t& scale = group_scales_[k / kPackedGroup];
  // The errors of the groups before have changed this one, so its scale is chosen now.
  if (k % kPackedGroup == 0) scale = best_group_scale(&values_[k], &importance_[k], /*row_scale=*/1).scale;
  if (scale == 0) return 0;
  const float step = scale;
  const float code = std::nearbyint(std::clamp(values_[k] / step, -8.f, 7.f));
  codes_[k] = static_cast<int8_t>(code);
  return code * step;
}

kernels::PackedRow FeedbackQuantizer::quantize(std::span<const float> row) {
  const kernels::PackedRow guess = first_guess_.quantize(row);
  // Too small to be divided by: as good as zero.
  if (guess.row_scale < std::numeric_limits<float>::min()) return guess;
  std::fill(values_.begin(), values_.end(), 0);
  std::fill(codes_.begin(), codes_.end(), 0);
  for (size_t k = 0; k < row.size(); ++k) values_[k] = row[k] / guess.row_scale;
  for (int64_t k = 0; k < shape_.in_features; ++k) {
    const float error = values_[k] - round_column(k);
    const int64_t place = k % kFeedbackBlock, begin = k - place;
    const float* shares = &feedback_.shares[k * kFeedbackBlock];
    // Whole vectors: shares before and of column k are zero.
    for (int64_t j = (place + 1) / kLanes * kLanes; j < kFeedbackBlock; j += kLanes) {
      store(&values_[begin + j], load(&values_[begin + j]) - error * load(shares + j));
    }
  }
  return {guess.row_scale, shape_.type == PackedType::Q8 ? nullptr : group_scales_.data(), codes_.data()};
}

}  // namespace molmo::quantize
