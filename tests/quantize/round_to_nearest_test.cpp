#include "quantize/round_to_nearest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace molmo::quantize {
namespace {

using kernels::kPackedGroup;
using kernels::PackedShape;
using kernels::PackedType;
using ::testing::HasSubstr;

using Row = std::vector<float>;

constexpr PackedType kTypes[] = {PackedType::Q8, PackedType::Q4};

Row normal_row(int64_t size, uint64_t seed, double deviation = 1) {
  RandomStream stream(seed, "quantize test");
  Row row(static_cast<size_t>(size));
  for (float& value : row) value = static_cast<float>(stream.normal() * deviation);
  return row;
}

struct Quantized {
  float row_scale;
  std::vector<int> group_scales, codes;
};

Quantized quantize(PackedType type, const Row& row, const Row& importance = {}) {
  RowQuantizer quantizer(type, static_cast<int64_t>(row.size()), importance);
  const kernels::PackedRow packed = quantizer.quantize(row);
  const PackedShape shape{type, 1, static_cast<int64_t>(row.size())};
  Quantized result{packed.row_scale, {}, {packed.codes, packed.codes + shape.padded_in()}};
  if (packed.group_scales)
    result.group_scales.assign(packed.group_scales, packed.group_scales + shape.padded_in() / kPackedGroup);
  return result;
}

// What readers of the packed bytes see.
Row round_trip(PackedType type, const Row& row, const Row& importance = {}) {
  const PackedShape shape{type, 1, static_cast<int64_t>(row.size())};
  std::vector<uint8_t> bytes(static_cast<size_t>(shape.num_bytes()));
  kernels::zero_packed(shape, bytes.data());
  RowQuantizer quantizer(type, shape.in_features, importance);
  kernels::write_packed_row(shape, bytes.data(), 0, quantizer.quantize(row));
  Row result(row.size());
  kernels::read_packed_row(shape, bytes.data(), 0, result.data());
  return result;
}

double squared_error(const Row& expected, const Row& found, const Row& importance = {}) {
  double sum = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    const double error = static_cast<double>(expected[k]) - found[k];
    sum += (importance.empty() ? 1 : importance[k]) * error * error;
  }
  return sum;
}

double relative_error(const Row& expected, const Row& found) {
  return std::sqrt(squared_error(expected, found) / squared_error(expected, Row(expected.size())));
}

// The least error over a fine grid of row scales, each group with the best of its 15 scales.
double brute_force_q4(const Row& row, const Row& importance) {
  const float largest =
      std::abs(*std::max_element(row.begin(), row.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  double least = std::numeric_limits<double>::infinity();
  for (double row_scale = largest / 240; row_scale < largest / 60; row_scale *= 1.002) {
    double total = 0;
    for (size_t begin = 0; begin < row.size(); begin += kPackedGroup) {
      double least_of_group = std::numeric_limits<double>::infinity();
      for (int scale = 0; scale <= 15; ++scale) {
        double error = 0;
        for (size_t k = begin; k < std::min(row.size(), begin + kPackedGroup); ++k) {
          const double step = row_scale * scale;
          const double code = scale == 0 ? 0 : std::clamp(std::nearbyint(row[k] / step), -8.0, 7.0);
          error += (importance.empty() ? 1 : importance[k]) * std::pow(row[k] - step * code, 2);
        }
        least_of_group = std::min(least_of_group, error);
      }
      total += least_of_group;
    }
    least = std::min(least, total);
  }
  return least;
}

TEST(RoundToNearest, EightBitsAreOffByHalfAStepAtMost) {
  for (const int64_t size : {1, 3, 31, 32, 33, 100, 588}) {
    Row row = normal_row(size, static_cast<uint64_t>(size));
    row[static_cast<size_t>(size / 2)] *= 20;  // an outlier decides the step
    const float step = quantize(PackedType::Q8, row).row_scale;
    const Row found = round_trip(PackedType::Q8, row);
    for (size_t k = 0; k < row.size(); ++k)
      EXPECT_LE(std::abs(row[k] - found[k]), step * 0.5 * (1 + 1e-5)) << size << " columns, column " << k;
    const float largest = *std::max_element(row.begin(), row.end());
    EXPECT_LE(step, std::max(largest, -*std::min_element(row.begin(), row.end())) / 125 * (1 + 1e-6));
  }
}

TEST(RoundToNearest, WholeMultiplesAreExact) {
  Row eight(200);
  for (size_t k = 0; k < eight.size(); ++k) eight[k] = 0.375f * static_cast<float>(static_cast<int>(k * 7 % 255) - 127);
  EXPECT_EQ(round_trip(PackedType::Q8, eight), eight);
  EXPECT_EQ(quantize(PackedType::Q8, eight).row_scale, 0.375f);

  const std::vector<int> scales{15, 3, 0, 8, 1};
  Row four;
  for (const int scale : scales) {
    for (int k = 0; k < kPackedGroup; ++k) four.push_back(0.5f * static_cast<float>(scale * (k % 16 - 8)));
  }
  four.resize(four.size() - 5);  // the last group ends early
  EXPECT_EQ(round_trip(PackedType::Q4, four), four);
  EXPECT_EQ(quantize(PackedType::Q4, four).group_scales, scales);
  EXPECT_EQ(quantize(PackedType::Q4, four).row_scale, 0.5f);
}

TEST(RoundToNearest, ConstantAndEmptyRows) {
  for (const PackedType type : kTypes) {
    for (const float value : {0.f, 0.02f, -0.02f, 1e-30f, -3e38f, std::numeric_limits<float>::denorm_min()}) {
      const Row row(70, value);
      const Row found = round_trip(type, row);
      // Below 127 times the least number there is, there is no step for it.
      const bool is_too_small = std::abs(value) < 1e-40f;
      for (const float x : found) EXPECT_NEAR(x, is_too_small ? 0 : value, 4e-7 * std::abs(value)) << value;
      const Quantized quantized = quantize(type, row);
      for (size_t k = row.size(); k < quantized.codes.size(); ++k) EXPECT_EQ(quantized.codes[k], 0);
    }
  }
  const Quantized zeros = quantize(PackedType::Q4, Row(64));
  EXPECT_EQ(zeros.row_scale, 0);
  EXPECT_EQ(zeros.group_scales, std::vector<int>({0, 0}));
}

TEST(RoundToNearest, FourBitsAreNearlyAsGoodAsBruteForce) {
  double found = 0, least = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Row row = normal_row(160, seed);
    for (size_t k = 64; k < 96; ++k) row[k] *= 4;  // groups of unlike size
    const Row importance = seed % 2 == 0 ? Row() : [&] {
      Row squares = normal_row(160, 100 + seed);
      for (float& value : squares) value *= value;
      return squares;
    }();
    const double error = squared_error(row, round_trip(PackedType::Q4, row, importance), importance);
    const double best = brute_force_q4(row, importance);
    EXPECT_GE(error, best * 0.995) << "the grid is finer than any choice of ours";
    found += error;
    least += best;
  }
  EXPECT_LE(found, least * 1.05);
}

// The best uniform quantiser of 16 levels has a relative error of 0.1074 on normal values (Max, 1960); groups of 32 do
// better, since their scales follow the values that they have. With 8 bits the largest of 3,584 normal values, about
// 3.6, is 127 steps: 3.6 / 127 / sqrt(12) = 0.0082.
TEST(RoundToNearest, ErrorOfNormalRowsIsWhatTheorySays) {
  double eight = 0, four = 0;
  constexpr int kRows = 20;
  for (int i = 0; i < kRows; ++i) {
    const Row row = normal_row(3584, static_cast<uint64_t>(i), 0.02);
    eight += relative_error(row, round_trip(PackedType::Q8, row)) / kRows;
    four += relative_error(row, round_trip(PackedType::Q4, row)) / kRows;
  }
  EXPECT_NEAR(eight, 0.0082, 0.0006);
  EXPECT_GT(four, 0.08);
  EXPECT_LT(four, 0.09);
}

TEST(RoundToNearest, ColumnsThatMatterAreRoundedBetter) {
  const Row row = normal_row(640, 5);
  Row importance(row.size(), 0.01f);
  for (size_t k = 0; k < row.size(); k += 7) importance[k] = 1;
  for (const PackedType type : kTypes) {
    const double plain = squared_error(row, round_trip(type, row), importance);
    const double weighted = squared_error(row, round_trip(type, row, importance), importance);
    EXPECT_LE(weighted, plain);
    EXPECT_TRUE(type == PackedType::Q8 || weighted < 0.8 * plain) << weighted << " against " << plain;
  }
  const Row one_column = [&] {
    Row zeros(row.size());
    zeros[3] = 1;
    return zeros;
  }();
  EXPECT_NEAR(round_trip(PackedType::Q4, row, one_column)[3], row[3], 0.01);
  EXPECT_EQ(squared_error(row, round_trip(PackedType::Q4, row, Row(row.size(), 1))),
            squared_error(row, round_trip(PackedType::Q4, row)));
}

TEST(RoundToNearest, PowersOfTwoChangeOnlyTheScale) {
  const Row row = normal_row(96, 9);
  for (const PackedType type : kTypes) {
    const Quantized expected = quantize(type, row);
    for (const int exponent : {-100, -3, 1, 120}) {
      Row scaled = row;
      for (float& value : scaled) value = std::ldexp(value, exponent);
      const Quantized found = quantize(type, scaled);
      EXPECT_EQ(found.codes, expected.codes);
      EXPECT_EQ(found.group_scales, expected.group_scales);
      EXPECT_EQ(found.row_scale, std::ldexp(expected.row_scale, exponent));
    }
  }
}

TEST(RoundToNearest, RowsDoNotLeaveTracesInEachOther) {
  for (const PackedType type : kTypes) {
    RowQuantizer quantizer(type, 50);
    const Row large = normal_row(50, 1, 100), small = normal_row(50, 2), zeros(50);
    quantizer.quantize(large);
    const kernels::PackedRow found = quantizer.quantize(small);
    const Quantized expected = quantize(type, small);
    EXPECT_EQ(found.row_scale, expected.row_scale);
    EXPECT_EQ(std::vector<int>(found.codes, found.codes + 64), expected.codes);
    const kernels::PackedRow none = quantizer.quantize(zeros);
    EXPECT_EQ(none.row_scale, 0);
    EXPECT_EQ(std::accumulate(none.codes, none.codes + 64, 0, [](int a, int b) { return a + std::abs(b); }), 0);
  }
}

TEST(RoundToNearest, RefusesWhatIsNotFinite) {
  for (const PackedType type : kTypes) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity()}) {
      Row row = normal_row(40, 3);
      row[33] = bad;
      try {
        quantize(type, row);
        FAIL() << bad;
      } catch (const Error& error) {
        EXPECT_EQ(error.category(), ErrorCategory::BadData);
        EXPECT_THAT(error.what(), HasSubstr("column 33 is "));
      }
    }
  }
}

}  // namespace
}  // namespace molmo::quantize
