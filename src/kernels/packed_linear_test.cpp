// Packed rows against their definition, products against float64, every version against the scalar one bit by bit.
#include "kernels/packed_linear.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cpu_dispatch.h"

namespace molmo::kernels {
namespace {

// A packed matrix of random codes and scales at an odd address, ends guarded.
struct PackedMatrix {
  PackedMatrix(PackedType type, int64_t out, int64_t in, uint32_t seed = 1, bool extreme = false)
      : shape{type, out, in}, bytes(static_cast<size_t>(shape.num_bytes()) + 1) {
    std::mt19937 random(seed);
    const bool is_q8 = type == PackedType::Q8;
    zero_packed(shape, data());
    std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()));
    std::vector<uint8_t> group_scales(static_cast<size_t>(shape.padded_in() / kPackedGroup));
    const int lowest = is_q8 ? -127 : -8, highest = is_q8 ? 127 : 7;
    for (int64_t row = 0; row < out; ++row) {
      for (int64_t k = 0; k < in; ++k)
        codes[static_cast<size_t>(k)] = static_cast<int8_t>(
            extreme ? (random() % 2 ? lowest : highest) : lowest + static_cast<int>(random() % (highest - lowest + 1)));
      for (auto& scale : group_scales) scale = static_cast<uint8_t>(extreme ? 15 : random() % 16);
      const float row_scale = std::ldexp(static_cast<float>(1 + random() % 1000), -12);
      write_packed_row(shape, data(), row, {row_scale, is_q8 ? nullptr : group_scales.data(), codes.data()});
      for (int64_t k = 0; k < in; ++k) {
        const int scale = is_q8 ? 1 : group_scales[static_cast<size_t>(k / kPackedGroup)];
        values.push_back(row_scale * static_cast<float>(scale * codes[static_cast<size_t>(k)]));
      }
    }
  }

  uint8_t* data() { return bytes.data() + 1; }
  const uint8_t* data() const { return bytes.data() + 1; }

  PackedShape shape;
  std::vector<uint8_t> bytes;
  std::vector<float> values;  // [O, I]
};

std::vector<float> random_activations(int64_t num_tokens, int64_t in, uint32_t seed = 2) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(static_cast<size_t>(num_tokens * in));
  for (auto& value : x) value = normal(random);
  return x;
}

struct Activations {
  Activations(const PackedLinearKernel& kernel, const std::vector<float>& x, int64_t num_tokens, int64_t in)
      : stride((in + 63) / 64 * 64 + 64),
        num_groups((in + kActivationGroup - 1) / kActivationGroup),
        num_starts((in + kPackedGroup - 1) / kPackedGroup),
        codes(static_cast<size_t>((num_tokens + kSpareTokens) * stride)),
        scales(static_cast<size_t>((num_tokens + kSpareTokens) * num_groups)),
        starts(static_cast<size_t>((num_tokens + kSpareTokens) * num_starts)),
        wide_starts(static_cast<size_t>((num_tokens + kSpareTokens) * num_groups)) {
    kernel.quantize(x.data(), in, in, rows(), 0, num_tokens);
  }
  QuantizedRows rows() { return {codes.data(), stride, scales.data(), starts.data(), wide_starts.data(), num_groups}; }

  int64_t stride, num_groups, num_starts;
  std::vector<int8_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> starts, wide_starts;
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Panels in two calls that do not fall on the grain; rows of y are longer than O. As two streams and as four.
std::vector<float> product(const PackedLinearKernel& kernel, const PackedMatrix& matrix, const std::vector<float>& x,
                           int64_t num_tokens, const float* bias = nullptr) {
  const PackedShape& shape = matrix.shape;
  Activations activations(kernel, x, num_tokens, shape.in_features);
  std::vector<float> y(static_cast<size_t>(num_tokens * (shape.out_features + 3)), -7.0f);
  std::vector<uint8_t> scratch(static_cast<size_t>(kernel.scratch_bytes) + 64, 0xAA);
  uint8_t* aligned = scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64;
  PackedLinear problem{.shape = shape,
                       .weight = matrix.data(),
                       .bias = bias,
                       .x = activations.rows(),
                       .num_tokens = num_tokens,
                       .y = y.data(),
                       .y_stride = shape.out_features + 3,
                       .num_streams = 4};
  const int64_t middle = shape.num_panels() / 2;
  kernel.panels(problem, aligned, 0, middle, matrix.data() + middle * shape.panel_bytes());
  kernel.panels(problem, aligned, middle, shape.num_panels(), nullptr);
  std::vector<float> as_two_streams(y.size(), -7.0f);
  problem.y = as_two_streams.data();
  problem.num_streams = 2;
  kernel.panels(problem, aligned, 0, shape.num_panels(), nullptr);
  EXPECT_TRUE(same_bits(as_two_streams, y));
  return y;
}

class PackedLinearVersions : public testing::TestWithParam<Version<PackedLinearKernel>> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_on(cpu_features())) GTEST_SKIP() << "this CPU lacks it";
  }
  const PackedLinearKernel& kernel() const { return *GetParam().kernel; }
};

INSTANTIATE_TEST_SUITE_P(All, PackedLinearVersions,
                         testing::ValuesIn(packed_linear_versions().begin(), packed_linear_versions().end()),
                         [](const auto& version) { return std::string(version.param.name); });

TEST(PackedWeight, RowsReadAsTheyWereWritten) {
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    for (const auto& [out, in] : {std::pair<int64_t, int64_t>{1, 1}, {17, 31}, {48, 32}, {33, 1000}}) {
      const PackedMatrix matrix(type, out, in);
      std::vector<float> row(static_cast<size_t>(in));
      for (int64_t o = 0; o < out; ++o) {
        read_packed_row(matrix.shape, matrix.data(), o, row.data());
        EXPECT_EQ(std::memcmp(row.data(), matrix.values.data() + o * in, row.size() * sizeof(float)), 0) << o;
      }
    }
  }
}

TEST(PackedWeight, StandsAsDocumented) {
  // Row 18, column 45 of a matrix of 20 x 70: the second panel's lane 2; K is 96.
  const PackedShape q8{PackedType::Q8, 20, 70}, q4{PackedType::Q4, 20, 70};
  EXPECT_EQ(q8.panel_bytes(), 64 + 96 * 16);
  EXPECT_EQ(q4.panel_bytes(), 64 + 64 + 96 * 8);
  std::vector<uint8_t> bytes(static_cast<size_t>(q8.num_bytes()));
  zero_packed(q8, bytes.data());
  std::vector<int8_t> codes(96);
  codes[45] = -3;
  write_packed_row(q8, bytes.data(), 18, {0.5f, nullptr, codes.data()});
  EXPECT_EQ(bytes[1600 + 64 + 11 * 64 + 2 * 4 + 1], 125);
  zero_packed(q4, bytes.data());
  const uint8_t group_scales[] = {1, 9, 2};
  write_packed_row(q4, bytes.data(), 18, {0.5f, group_scales, codes.data()});
  EXPECT_EQ(bytes[896 + 64 + 8 + 1], 9);                           // group 1, lane 2: low half of byte 1
  EXPECT_EQ(bytes[896 + 128 + 5 * 64 + 2 * 4 + 1], 8 + (5 << 4));  // column 45: pair 5, odd quad
  std::vector<float> row(70);
  read_packed_row(q4, bytes.data(), 18, row.data());
  EXPECT_EQ(row[45], 0.5f * 9 * -3);
}

TEST(PackedWeight, TypeFollowsFromBytes) {
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    const PackedShape shape{type, 100, 96};
    EXPECT_EQ(packed_type(100, 96, shape.num_panels(), shape.panel_bytes()), type);
    EXPECT_FALSE(packed_type(100, 97, shape.num_panels(), shape.panel_bytes()));
    EXPECT_FALSE(packed_type(113, 96, shape.num_panels(), shape.panel_bytes()));
  }
  EXPECT_FALSE(packed_type(0, 96, 0, 1600));
}

TEST(PackedLinear, IsTheProductWithinTheRoundingOfActivations) {
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    const int64_t in = 300, out = 40, num_tokens = 3;
    const PackedMatrix matrix(type, out, in);
    const std::vector<float> x = random_activations(num_tokens, in);
    const std::vector<float> y = product(kPackedLinearScalar, matrix, x, num_tokens);
    for (int64_t t = 0; t < num_tokens; ++t) {
      for (int64_t o = 0; o < out; ++o) {
        double exact = 0, bound = 0;
        for (int64_t k = 0; k < in; ++k) {
          double largest = 0;
          for (int64_t i = k / 256 * 256; i < std::min<int64_t>(in, k / 256 * 256 + 256); ++i)
            largest = std::max(largest, std::abs(static_cast<double>(x[static_cast<size_t>(t * in + i)])));
          const double weight = matrix.values[static_cast<size_t>(o * in + k)];
          exact += weight * x[static_cast<size_t>(t * in + k)];
          bound += std::abs(weight) * largest / 254 * 1.001;
        }
        EXPECT_NEAR(y[static_cast<size_t>(t * (out + 3) + o)], exact, bound);
      }
    }
  }
}

TEST_P(PackedLinearVersions, GivesTheBitsOfTheScalarOne) {
  const std::pair<int64_t, int64_t> sizes[] = {{1, 1},     {16, 32},  {5, 70},   {70, 128},
                                               {130, 160}, {33, 320}, {64, 544}, {77, 1250}};
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    for (const auto& [out, in] : sizes) {
      const PackedMatrix matrix(type, out, in);
      for (const int64_t num_tokens : {1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 400}) {
        if (num_tokens == 400 && in > 400) continue;
        const std::vector<float> x = random_activations(num_tokens, in), bias = random_activations(1, out);
        EXPECT_TRUE(same_bits(product(kernel(), matrix, x, num_tokens, bias.data()),
                              product(kPackedLinearScalar, matrix, x, num_tokens, bias.data())))
            << fmt::format("{} {}x{}, {} tokens", type == PackedType::Q8 ? "q8" : "q4", out, in, num_tokens);
      }
    }
  }
}

TEST_P(PackedLinearVersions, BearsTheLargestCodes) {
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    const PackedMatrix matrix(type, 32, 1024, 3, /*extreme=*/true);
    for (const int64_t num_tokens : {1, 40}) {
      std::vector<float> x = random_activations(num_tokens, 1024);
      for (auto& value : x) value = value < 0 ? -1.0f : 1.0f;
      EXPECT_TRUE(
          same_bits(product(kernel(), matrix, x, num_tokens), product(kPackedLinearScalar, matrix, x, num_tokens)));
      for (size_t k = 0; k < 1024; ++k) x[k] = matrix.values[k] < 0 ? -1.0f : 1.0f;  // all products of row 0 positive
      const float largest = product(kernel(), matrix, x, num_tokens)[0];
      double exact = 0;
      for (size_t k = 0; k < 1024; ++k) exact += std::abs(matrix.values[k]);
      EXPECT_NEAR(largest, exact, exact * 1e-5);
    }
  }
}

TEST_P(PackedLinearVersions, RoundsActivationsToNearestEvenAndKeepsWhatIsUndefinedInItsToken) {
  std::vector<float> x(2 * 300);
  x[0] = 127, x[1] = 0.5f, x[2] = 1.5f, x[3] = -2.5f, x[4] = 3.49f;
  x[256] = std::numeric_limits<float>::denorm_min();
  x[300 + 7] = std::numeric_limits<float>::infinity();
  Activations activations(kernel(), x, 2, 300);
  const std::vector<int8_t> expected = {127, 0, 2, -2, 3};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), activations.codes.begin()));
  EXPECT_EQ(activations.scales[0], 1.0f);
  EXPECT_EQ(activations.scales[1], 0.0f);
  EXPECT_EQ(activations.codes[256], 0);
  EXPECT_EQ(activations.starts[0], -8 * 130);
  EXPECT_EQ(activations.wide_starts[0], -128 * 130);
  EXPECT_TRUE(std::isnan(activations.scales[2]));
  const PackedMatrix matrix(PackedType::Q4, 16, 300);
  const std::vector<float> y = product(kernel(), matrix, x, 2);
  EXPECT_FALSE(std::isnan(y[0]));
  EXPECT_TRUE(std::isnan(y[19]));
}

}  // namespace
}  // namespace molmo::kernels
