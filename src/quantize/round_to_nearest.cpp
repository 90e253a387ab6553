#include "quantize/round_to_nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "quantize/vector.h"

namespace molmo::quantize {
namespace {

using kernels::kPackedGroup;
using kernels::PackedType;

constexpr int kMostGroupScale = 15;
constexpr float kLeastCode4 = -8, kMostCode4 = 7, kMostCode8 = 127;

// The largest value comes at 127.49 steps or a little less: beyond, its own error would be more than half a step.
constexpr float kSteps8[] = {127.49f, 127.25f, 127.f, 126.5f, 126.f, 125.f};
// The row scale as a part of what the row's largest group needs so that nothing is cut off. A finer one cuts off
// outliers of that group, and gives all others a choice of closer steps. Normal rows of 3,584 columns: relative error
// 0.0892 with 0.8 alone, 0.0884 with these, 0.0882 with eleven.
constexpr float kFractions4[] = {1.15f, 1.f, 0.85f, 0.7f};

// To the next whole number, for |x| < 2^22: what is behind the point does not fit beside 1.5 * 2^23.
constexpr float kShift = 12582912;

// Sum of importance (x - step code)^2 over 32 values, with the nearest codes in [least, most].
float rounding_error(const float* x, const float* importance, float step, float least, float most) {
  const Vector inverse = Vector{} + 1 / step, lowest = Vector{} + least, highest = Vector{} + most;
  Vector errors{};
  for (int64_t k = 0; k < kPackedGroup; k += kLanes) {
    const Vector values = load(x + k);
    Vector codes = values * inverse;
    codes = codes < lowest ? lowest : codes;
    codes = codes > highest ? highest : codes;
    codes = (codes + kShift) - kShift;
    const Vector error = values - step * codes;
    errors += load(importance + k) * error * error;
  }
  return (errors[0] + errors[2]) + (errors[1] + errors[3]);
}

int nearest_code(float x, float step, float least, float most) {
  return static_cast<int>((std::clamp(x / step, least, most) + kShift) - kShift);
}

}  // namespace

GroupScale best_group_scale(const float* values, const float* importance, float row_scale) {
  const auto [lowest, highest] = std::minmax_element(values, values + kPackedGroup);
  const float uncut = std::max(*highest / kMostCode4, *lowest / kLeastCode4) / row_scale;
  if (uncut == 0) return {};
  const int most = std::clamp(static_cast<int>(std::ceil(std::min(uncut, 1.f * kMostGroupScale))), 1, kMostGroupScale);
  GroupScale best{0, std::numeric_limits<float>::infinity()};
  for (int scale = most; scale > 0; --scale) {
    const float error =
        rounding_error(values, importance, row_scale * static_cast<float>(scale), kLeastCode4, kMostCode4);
    if (error > 2 * best.error) break;  // from here on ever more is cut off
    if (error < best.error) best = {static_cast<uint8_t>(scale), error};
  }
  return best;
}

RowQuantizer::RowQuantizer(PackedType type, int64_t in_features, std::span<const float> importance)
    : shape_{type, 1, in_features} {
  check_internal(importance.empty() || importance.size() == static_cast<size_t>(in_features),
                 "one importance per column");
  const auto padded = static_cast<size_t>(shape_.padded_in());
  importance_.assign(importance.begin(), importance.end());
  if (importance.empty()) importance_.assign(static_cast<size_t>(in_features), 1);
  importance_.resize(padded, 0);
  values_.resize(padded, 0);
  codes_.resize(padded, 0);
  group_scales_.resize(padded / kPackedGroup);
  tried_scales_.resize(padded / kPackedGroup);
}

kernels::PackedRow RowQuantizer::quantize(std::span<const float> row) {
  check_internal(row.size() == static_cast<size_t>(shape_.in_features), "one value per column");
  float largest = 0;
  for (size_t k = 0; k < row.size(); ++k) {
    if (!std::isfinite(row[k])) fail(ErrorCategory::BadData, "column {} is {}, expected a finite number", k, row[k]);
    largest = std::max(largest, std::abs(row[k]));
  }
  std::fill(codes_.begin(), codes_.end(), 0);
  std::fill(group_scales_.begin(), group_scales_.end(), 0);
  row_scale_ = 0;
  int exponent = 0;  // of two
  if (largest > 0) {
    // Squares of very large and very small rows would not fit.
    std::frexp(largest, &exponent);
    const double factor = std::ldexp(1.0, -exponent);
    for (size_t k = 0; k < row.size(); ++k) values_[k] = static_cast<float>(row[k] * factor);
    shape_.type == PackedType::Q8 ? round_q8() : round_q4();
  }
  return {std::ldexp(row_scale_, exponent), shape_.type == PackedType::Q8 ? nullptr : group_scales_.data(),
          codes_.data()};
}

void RowQuantizer::round_q8() {
  float largest = 0;
  for (const float value : values_) largest = std::max(largest, std::abs(value));
  double least_error = std::numeric_limits<double>::infinity();
  for (const float steps : kSteps8) {
    const float step = largest / steps;
    double error = 0;
    for (int64_t k = 0; k < shape_.padded_in(); k += kPackedGroup)
      error += rounding_error(&values_[k], &importance_[k], step, -kMostCode8, kMostCode8);
    if (error < least_error) {
      least_error = error;
      row_scale_ = step;
    }
  }
  for (size_t k = 0; k < values_.size(); ++k)
    codes_[k] = static_cast<int8_t>(nearest_code(values_[k], row_scale_, -kMostCode8, kMostCode8));
}

double RowQuantizer::choose_group_scales(float row_scale, std::vector<uint8_t>& scales) const {
  double total = 0;
  for (size_t group = 0; group < scales.size(); ++group) {
    const size_t begin = group * kPackedGroup;
    const GroupScale best = best_group_scale(&values_[begin], &importance_[begin], row_scale);
    scales[group] = best.scale;
    total += best.error;
  }
  return total;
}

void RowQuantizer::round_codes(float row_scale) {
  for (size_t k = 0; k < values_.size(); ++k) {
    const int scale = group_scales_[k / kPackedGroup];
    const float step = row_scale * static_cast<float>(scale);
    codes_[k] = scale == 0 ? 0 : static_cast<int8_t>(nearest_code(values_[k], step, kLeastCode4, kMostCode4));
  }
}

// The minimum of a parabola: sum of importance (x - scale weight)^2 for whole weights.
float RowQuantizer::best_row_scale() const {
  double numerator = 0, denominator = 0;
  for (size_t k = 0; k < values_.size(); ++k) {
    const double weight = codes_[k] * group_scales_[k / kPackedGroup];
    numerator += importance_[k] * weight * values_[k];
    denominator += importance_[k] * weight * weight;
  }
  return denominator > 0 ? static_cast<float>(numerator / denominator) : 0;
}

void RowQuantizer::round_q4() {
  const auto [lowest, highest] = std::minmax_element(values_.begin(), values_.end());
  const float uncut = std::max(*highest / kMostCode4, *lowest / kLeastCode4) / kMostGroupScale;
  double least_error = std::numeric_limits<double>::infinity();
  const auto try_scale = [&](float row_scale) {
    const double error = choose_group_scales(row_scale, tried_scales_);
    if (!(error < least_error)) return;
    least_error = error;
    row_scale_ = row_scale;
    std::swap(group_scales_, tried_scales_);
  };
  for (const float fraction : kFractions4) try_scale(uncut * fraction);
  round_codes(row_scale_);
  // Whole weights have a row scale that fits them best, for which other weights may fit better still.
  const float refined = best_row_scale();
  if (refined > 0) try_scale(refined);
  round_codes(row_scale_);
}

}  // namespace molmo::quantize
