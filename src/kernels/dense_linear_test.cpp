#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

// One product on one version, rows in two ranges that do not fall on its grain.
std::vector<float> run(const DenseLinearKernel& kernel, DenseLinear problem) {
  std::vector<float> y(problem.num_tokens * problem.out_features, NAN);
  problem.y = y.data();
  problem.y_stride = problem.out_features;
  std::vector<float> packed(kernel.packed_x_size(problem.num_tokens, problem.in_features), NAN);
  std::vector<float> scratch(kernel.scratch_size, NAN);
  if (!packed.empty()) kernel.pack_x(problem, packed.data(), 0, kernel.num_tiles(problem.num_tokens));
  const int64_t middle = problem.out_features / 3;
  kernel.rows(problem, packed.data(), scratch.data(), 0, middle);
  kernel.rows(problem, packed.data(), scratch.data(), middle, problem.out_features);
  return y;
}

// x [T, I] and weight [O, I] in rows that are longer than needed, the weight at an odd multiple of 2 bytes.
struct LinearCase {
  LinearCase(int64_t T, int64_t I, int64_t O, HalfType type, int64_t x_gap = 0, int64_t weight_gap = 0)
      : half_type(type) {
    x = at::randn({T, I + x_gap}).narrow(1, 0, I);
    const auto dtype = type == HalfType::BF16 ? at::kBFloat16 : at::kHalf;
    storage = at::randn({O * (I + weight_gap) + 1}).to(dtype);
    weight = storage.narrow(0, 1, O * (I + weight_gap)).view({O, I + weight_gap}).narrow(1, 0, I);
  }

  DenseLinear problem() const {
    return {.x = x.const_data_ptr<float>(),
            .x_stride = x.stride(0),
            .weight = static_cast<const uint16_t*>(weight.const_data_ptr()),
            .weight_stride = weight.stride(0),
            .weight_type = half_type,
            .y = nullptr,
            .y_stride = 0,
            .num_tokens = x.size(0),
            .in_features = x.size(1),
            .out_features = weight.size(0)};
  }

  Tensor x, storage, weight;
  HalfType half_type;
};

// The bound of the header, for y computed in any order, against the product in float64 by another library.
void expect_product(const Tensor& x, const Tensor& weight, const float* y, const std::string& what) {
  const Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble)).contiguous();
  const Tensor magnitude = at::linear(x.to(at::kDouble).abs(), weight.to(at::kDouble).abs()).contiguous();
  const double epsilon = (static_cast<double>(weight.size(1)) + 2) * std::ldexp(1, -24);
  int64_t num_wrong = 0;
  for (int64_t i = 0; i < exact.numel(); ++i) {
    const double expected = exact.const_data_ptr<double>()[i];
    if (std::abs(y[i] - expected) <= epsilon * magnitude.const_data_ptr<double>()[i]) continue;
    if (++num_wrong <= 3) ADD_FAILURE() << what << " at " << i << ": " << y[i] << ", expected " << expected;
  }
  EXPECT_EQ(num_wrong, 0) << what;
}

class DenseLinearVersions : public testing::TestWithParam<Version<DenseLinearKernel>> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_on(cpu_features())) GTEST_SKIP() << "this CPU lacks it";
  }
  const DenseLinearKernel& kernel() const { return *GetParam().kernel; }
};

INSTANTIATE_TEST_SUITE_P(All, DenseLinearVersions,
                         testing::ValuesIn(dense_linear_versions().begin(), dense_linear_versions().end()),
                         [](const auto& version) { return std::string(version.param.name); });

TEST_P(DenseLinearVersions, AgreesWithFloat64ForOddSizesAndTails) {
  const int64_t tokens[] = {1, 2, 3, 4, 5, 7, 25, 49, 50, 61};
  const int64_t sizes[][2] = {{1, 1}, {3, 5}, {15, 31}, {64, 129}, {385, 33}, {800, 45}};
  for (const int64_t T : tokens) {
    for (const auto& [I, O] : sizes) {
      for (const auto type : {HalfType::BF16, HalfType::F16}) {
        const LinearCase c(T, I, O, type);
        expect_product(c.x, c.weight, run(kernel(), c.problem()).data(),
                       fmt::format("T {} I {} O {} {}", T, I, O, type == HalfType::BF16 ? "bf16" : "f16"));
      }
    }
  }
}

TEST_P(DenseLinearVersions, ReadsStridedRows) {
  for (const int64_t T : {1, 4, 6, 60}) {
    const LinearCase c(T, 77, 50, HalfType::BF16, /*x_gap=*/5, /*weight_gap=*/11);
    expect_product(c.x, c.weight, run(kernel(), c.problem()).data(), fmt::format("T {}", T));
  }
}

TEST_P(DenseLinearVersions, WritesOnlyItsRows) {
  for (const int64_t T : {2, 59}) {
    const LinearCase c(T, 40, 70, HalfType::F16);
    DenseLinear problem = c.problem();
    std::vector<float> y(T * 80, -7.0f);
    problem.y = y.data();
    problem.y_stride = 80;
    std::vector<float> packed(kernel().packed_x_size(T, 40)), scratch(kernel().scratch_size);
    if (!packed.empty()) kernel().pack_x(problem, packed.data(), 0, kernel().num_tiles(T));
    kernel().rows(problem, packed.data(), scratch.data(), 3, 62);
    for (int64_t t = 0; t < T; ++t) {
      for (int64_t o = 0; o < 80; ++o) EXPECT_EQ(y[t * 80 + o] == -7.0f, o < 3 || o >= 62) << t << ", " << o;
    }
  }
}

// Every 16-bit pattern is a weight once, times 1: the conversion is exact, denormals and infinities included.
TEST_P(DenseLinearVersions, ConvertsEveryWeightExactly) {
  constexpr int64_t I = 64, O = 65536 / I;
  for (const auto type : {HalfType::BF16, HalfType::F16}) {
    std::vector<uint16_t> weight(I * O * I, 0);  // row r * I + i has only its feature i
    for (int64_t row = 0; row < O * I; ++row) weight[row * I + row % I] = static_cast<uint16_t>(row);
    for (const int64_t T : {1, 60}) {
      std::vector<float> x(T * I, 1.0f);
      const auto y = run(kernel(), {x.data(), I, weight.data(), I, type, nullptr, 0, T, I, O * I});
      for (int64_t row = 0; row < O * I; ++row) {
        const float expected = type == HalfType::BF16
                                   ? static_cast<float>(c10::BFloat16(row, c10::BFloat16::from_bits()))
                                   : static_cast<float>(c10::Half(row, c10::Half::from_bits()));
        for (const int64_t t : {int64_t{0}, T - 1}) {
          const float found = y[t * O * I + row];
          ASSERT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)))
              << "bits " << row << ": " << found << ", expected " << expected;
        }
      }
    }
  }
}

TEST_P(DenseLinearVersions, TreatsExtremeActivationsAsTheFormulaDoes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr int64_t I = 37, O = 19;
  for (const int64_t T : {1, 3, 60}) {
    LinearCase c(T, I, O, HalfType::BF16);
    float* x = c.x.mutable_data_ptr<float>();
    const float extremes[] = {kInfinity, -kInfinity, NAN, 3e38f, 1e-45f, -0.0f};
    for (int64_t t = 0; t < T; ++t) x[t * I + 5 * t % I] = extremes[t % 6];
    c.weight.select(0, 0).zero_();  // infinity times 0 is NaN
    const auto y = run(kernel(), c.problem()), truth = run(kDenseLinearScalar, c.problem());
    for (size_t i = 0; i < y.size(); ++i) {
      if (std::isfinite(truth[i])) {
        EXPECT_TRUE(std::isfinite(y[i])) << i;
      } else {
        EXPECT_TRUE(y[i] == truth[i] || (std::isnan(y[i]) && std::isnan(truth[i])))
            << i << ": " << y[i] << ", scalar " << truth[i];
      }
    }
  }
}

// 2^-140 is a denormal of bfloat16 and of float32: a product that flushes denormals gives 0.
TEST_P(DenseLinearVersions, KeepsDenormals) {
  for (const int64_t T : {1, 60}) {
    const int64_t I = 48, O = 33;
    const Tensor x = at::full({T, I}, std::ldexp(1.0f, 100));
    const Tensor weight = at::full({O, I}, std::ldexp(1.0f, -130)).to(at::kBFloat16);
    const auto y = run(kernel(), {x.const_data_ptr<float>(), I, static_cast<const uint16_t*>(weight.const_data_ptr()),
                                  I, HalfType::BF16, nullptr, 0, T, I, O});
    for (const float value : y) ASSERT_EQ(value, 48 * std::ldexp(1.0f, -30));
  }
}

Tensor call(const Tensor& x, const Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("molmo::dense_linear", "")
                             .typed<Tensor(const Tensor&, const Tensor&)>();
  return op.call(x, weight);
}

TEST(DenseLinearOp, KeepsLeadingAxesAndAcceptsAnyActivationStrides) {
  const at::NoGradGuard no_grad;
  const Tensor weight = at::randn({50, 96}).to(at::kBFloat16);
  for (const auto& x : {at::randn({2, 3, 96}), at::randn({96, 7}).t(), at::randn({96}),
                        at::randn({4, 1, 200}).narrow(2, 13, 96), at::randn({1, 96}).expand({60, 96})}) {
    const Tensor y = call(x, weight);
    auto sizes = x.sizes().vec();
    sizes.back() = 50;
    EXPECT_EQ(y.sizes(), at::IntArrayRef(sizes));
    expect_product(x, weight, y.const_data_ptr<float>(), fmt::format("x of {} axes", x.dim()));
  }
}

TEST(DenseLinearOp, SplitsManyTokensIntoPasses) {
  const at::NoGradGuard no_grad;
  const Tensor x = at::randn({2500, 24}), weight = at::randn({70, 24}).to(at::kHalf);
  expect_product(x, weight, call(x, weight).const_data_ptr<float>(), "2500 tokens");
}

TEST(DenseLinearOp, AnswersEmptyProblems) {
  const auto bf16 = at::TensorOptions(at::kBFloat16);
  EXPECT_EQ(call(at::empty({0, 8}), at::zeros({5, 8}, bf16)).sizes(), at::IntArrayRef({0, 5}));
  EXPECT_EQ(call(at::empty({3, 8}), at::zeros({0, 8}, bf16)).sizes(), at::IntArrayRef({3, 0}));
  EXPECT_TRUE(call(at::empty({3, 0}), at::zeros({5, 0}, bf16)).equal(at::zeros({3, 5})));
}

TEST(DenseLinearOp, GivesTheSameBitsOnAnyNumberOfThreads) {
  const at::NoGradGuard no_grad;
  const Tensor weight = at::randn({700, 500}).to(at::kBFloat16);
  const int num_threads = at::get_num_threads();
  for (const int64_t T : {1, 90}) {
    const Tensor x = at::randn({T, 500});
    at::set_num_threads(1);
    const Tensor one = call(x, weight);
    at::set_num_threads(3);
    const Tensor three = call(x, weight);
    at::set_num_threads(num_threads);
    EXPECT_TRUE(one.equal(three)) << T;
  }
}

TEST(DenseLinearOp, RefusesWhatItCannotMultiply) {
  const auto bf16 = at::TensorOptions(at::kBFloat16);
  const Tensor weight = at::zeros({4, 8}, bf16);
  EXPECT_THROW(call(at::zeros({2, 7}), weight), Error);
  EXPECT_THROW(call(at::zeros({2, 8}, bf16), weight), Error);
  EXPECT_THROW(call(at::zeros({2, 8}), at::zeros({4, 8})), Error);
  EXPECT_THROW(call(at::zeros({2, 8}), at::zeros({8, 4}, bf16).t()), Error);
  EXPECT_THROW(call(at::zeros({2, 8}).requires_grad_(), weight), Error);
}

}  // namespace
}  // namespace molmo::kernels
