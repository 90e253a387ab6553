// Every version against the scalar one, and the gradients of the operators against torch's own in double precision.
#include "kernels/training_passes.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu_dispatch.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

// Widths with and without tails, and shorter than a vector.
constexpr int64_t kWidths[] = {1, 7, 16, 33, 224};

std::vector<float> random_values(int64_t count, double scale = 1) {
  const Tensor values = at::randn({count}).mul(scale).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + count};
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected, double relative,
                 const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], relative * (1 + std::abs(static_cast<double>(expected[i]))))
        << what << " " << i;
  }
}

class TrainingPassesVersions : public testing::TestWithParam<Version<TrainingPasses>> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_on(cpu_features())) GTEST_SKIP() << "this CPU lacks it";
  }
  const TrainingPasses& passes() const { return *GetParam().kernel; }
  const TrainingPasses& scalar() const { return kTrainingPassesScalar; }
};

INSTANTIATE_TEST_SUITE_P(All, TrainingPassesVersions,
                         testing::ValuesIn(training_passes_versions().begin(), training_passes_versions().end()),
                         [](const auto& version) { return std::string(version.param.name); });

TEST_P(TrainingPassesVersions, GateAsScalar) {
  for (const int64_t width : kWidths) {
    const auto x = random_values(3 * 2 * width, 4), dy = random_values(3 * width);
    std::vector<float> y(3 * width), expected_y(3 * width), dx(x.size()), expected_dx(x.size());
    passes().float32.gated(x.data(), y.data(), 3, width);
    scalar().float32.gated(x.data(), expected_y.data(), 3, width);
    expect_near(y, expected_y, 1e-6, "gated");
    passes().float32.gated_backward(x.data(), dy.data(), dx.data(), 3, width);
    scalar().float32.gated_backward(x.data(), dy.data(), expected_dx.data(), 3, width);
    expect_near(dx, expected_dx, 2e-6, "gated_backward");
  }
}

TEST_P(TrainingPassesVersions, QuickGeluAsScalar) {
  for (const int64_t width : kWidths) {
    const auto x = random_values(width, 5), dy = random_values(width);
    std::vector<float> y(x.size()), expected_y(x.size()), dx(x.size()), expected_dx(x.size());
    passes().float32.quick_gelu(x.data(), y.data(), width);
    scalar().float32.quick_gelu(x.data(), expected_y.data(), width);
    expect_near(y, expected_y, 1e-6, "quick_gelu");
    passes().float32.quick_gelu_backward(x.data(), dy.data(), dx.data(), width);
    scalar().float32.quick_gelu_backward(x.data(), dy.data(), expected_dx.data(), width);
    expect_near(dx, expected_dx, 2e-6, "quick_gelu_backward");
  }
}

// In bfloat16 what comes out is that of float32, rounded: within one of the last of 8 bits of the scalar's, whose
// exponentials are others.
TEST_P(TrainingPassesVersions, Bfloat16AsScalar) {
  for (const int64_t width : kWidths) {
    const auto halves = [](const std::vector<float>& values) {
      std::vector<uint16_t> result;
      for (const float value : values) result.push_back(c10::BFloat16(value).x);
      return result;
    };
    const auto expect_alike = [](const std::vector<uint16_t>& actual, const std::vector<uint16_t>& expected) {
      for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1) << i;
    };
    const auto x = halves(random_values(2 * width, 4)), dy = halves(random_values(width));
    const auto angles = random_values(width, 1);
    std::vector<uint16_t> y(2 * width), expected(2 * width);
    passes().bfloat16.gated_backward(x.data(), dy.data(), y.data(), 1, width);
    scalar().bfloat16.gated_backward(x.data(), dy.data(), expected.data(), 1, width);
    expect_alike(y, expected);
    passes().bfloat16.quick_gelu_backward(x.data(), dy.data(), y.data(), width);
    scalar().bfloat16.quick_gelu_backward(x.data(), dy.data(), expected.data(), width);
    expect_alike(y, expected);
    passes().bfloat16.quick_gelu(x.data(), y.data(), 2 * width);
    scalar().bfloat16.quick_gelu(x.data(), expected.data(), 2 * width);
    expect_alike(y, expected);
    passes().bfloat16.gated(x.data(), y.data(), 1, width);
    scalar().bfloat16.gated(x.data(), expected.data(), 1, width);
    expect_alike(y, expected);
    // With one term only: sums of two may cancel.
    const std::vector<float> zeros(width);
    passes().bfloat16.rotate(x.data(), angles.data(), zeros.data(), 1, y.data(), width);
    scalar().bfloat16.rotate(x.data(), angles.data(), zeros.data(), 1, expected.data(), width);
    expect_alike(y, expected);
  }
}

TEST_P(TrainingPassesVersions, RoundsTiesToEvenAndKeepsNan) {
  // x cos with x = 1.
  const std::vector<float> cos = {1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1p-8f + 0x1p-20f, NAN, 3.4e38f}, sin(5);
  const std::vector<uint16_t> x(10, 0x3f80);
  std::vector<uint16_t> y(10);
  passes().bfloat16.rotate(x.data(), cos.data(), sin.data(), 1, y.data(), 5);
  for (size_t i = 0; i < cos.size(); ++i) {
    const float value = c10::BFloat16(y[i], c10::BFloat16::from_bits());
    if (std::isnan(cos[i])) {
      EXPECT_TRUE(std::isnan(value)) << i;
    } else {
      EXPECT_EQ(value, static_cast<float>(c10::BFloat16(cos[i]))) << i;
    }
  }
}

TEST_P(TrainingPassesVersions, ActivationsStandExtremes) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {1e4f, -1e4f, 88.8f, -88.8f, 0, -0.0f, kInfinity, NAN, 3e38f, -3e38f, 1e-40f};
  std::vector<float> y(x.size()), expected(x.size());
  passes().float32.quick_gelu(x.data(), y.data(), static_cast<int64_t>(x.size()));
  scalar().float32.quick_gelu(x.data(), expected.data(), static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(expected[i])) {
      EXPECT_NEAR(y[i], expected[i], 1e-6 * (1 + std::abs(static_cast<double>(expected[i])))) << x[i];
    } else {
      EXPECT_EQ(std::isnan(y[i]), std::isnan(expected[i])) << x[i];
    }
  }
}

TEST_P(TrainingPassesVersions, RmsNormAsScalar) {
  for (const int64_t width : kWidths) {
    const auto x = random_values(5 * width, 2), weight = random_values(width), dy = random_values(5 * width);
    std::vector<float> y(x.size()), expected_y(x.size()), inverse(5), expected_inverse(5);
    passes().rms_norm(x.data(), weight.data(), 1e-6f, y.data(), inverse.data(), 5, width);
    scalar().rms_norm(x.data(), weight.data(), 1e-6f, expected_y.data(), expected_inverse.data(), 5, width);
    expect_near(y, expected_y, 2e-6, "y");
    expect_near(inverse, expected_inverse, 2e-6, "inverse");
    std::vector<float> dx(x.size()), expected_dx(x.size()), dweight(width, 0.5f), expected_dweight(width, 0.5f);
    passes().rms_norm_backward(x.data(), weight.data(), inverse.data(), dy.data(), dx.data(), dweight.data(), 5, width);
    scalar().rms_norm_backward(x.data(), weight.data(), inverse.data(), dy.data(), expected_dx.data(),
                               expected_dweight.data(), 5, width);
    expect_near(dx, expected_dx, 1e-5, "dx");
    expect_near(dweight, expected_dweight, 1e-5, "dweight");
  }
}

TEST_P(TrainingPassesVersions, RotateThereAndBack) {
  for (const int64_t half : {1, 3, 16, 20, 64}) {
    const auto x = random_values(2 * half), angles = random_values(half, 3);
    std::vector<float> cos(half), sin(half), y(x.size()), expected(x.size()), back(x.size());
    for (int64_t i = 0; i < half; ++i) {
      cos[i] = std::cos(angles[i]);
      sin[i] = std::sin(angles[i]);
    }
    passes().float32.rotate(x.data(), cos.data(), sin.data(), 1, y.data(), half);
    scalar().float32.rotate(x.data(), cos.data(), sin.data(), 1, expected.data(), half);
    expect_near(y, expected, 1e-6, "rotate");
    passes().float32.rotate(y.data(), cos.data(), sin.data(), -1, back.data(), half);
    expect_near(back, x, 1e-6, "rotate back");
    passes().float32.rotate(back.data(), cos.data(), sin.data(), 1, back.data(), half);
    expect_near(back, expected, 2e-6, "in place");
  }
}

TEST_P(TrainingPassesVersions, CrossEntropyAsScalar) {
  for (const int64_t width : {2, 7, 16, 33, 1000}) {
    auto logits = random_values(width, 6);
    const int64_t label = width / 2;
    for (const bool hits : {false, true}) {
      if (hits) logits[label] = 50;
      const RowLoss loss = passes().cross_entropy(logits.data(), label, width);
      const RowLoss expected = scalar().cross_entropy(logits.data(), label, width);
      EXPECT_NEAR(loss.cross_entropy, expected.cross_entropy, 1e-5);
      EXPECT_NEAR(loss.log_denominator, expected.log_denominator, 1e-5);
      EXPECT_EQ(loss.is_correct, expected.is_correct);
      auto gradient = logits, expected_gradient = logits;
      passes().cross_entropy_gradient(gradient.data(), label, loss.log_denominator, 0.7f, 0.01f, width);
      scalar().cross_entropy_gradient(expected_gradient.data(), label, loss.log_denominator, 0.7f, 0.01f, width);
      expect_near(gradient, expected_gradient, 1e-6, "gradient");
    }
  }
}

TEST_P(TrainingPassesVersions, TheFirstOfEqualLogitsIsTheLikeliest) {
  std::vector<float> logits(40, 0.0f);
  logits[5] = logits[30] = 2;
  EXPECT_EQ(passes().cross_entropy(logits.data(), 5, 40).is_correct, 1);
  EXPECT_EQ(passes().cross_entropy(logits.data(), 30, 40).is_correct, 0);
}

TEST_P(TrainingPassesVersions, SumOfSquaresAsInDouble) {
  for (const int64_t count : {0, 1, 15, 100, 4097, 10000}) {
    const auto x = random_values(count);
    const double expected = scalar().sum_of_squares(x.data(), count);
    EXPECT_NEAR(passes().sum_of_squares(x.data(), count), expected, 1e-6 * (1 + expected));
  }
}

TEST_P(TrainingPassesVersions, WeightedSumHasTheBitsOfTheScalarOne) {
  const std::vector<int64_t> rows = {4, 0, 4, 2};
  for (const int64_t width : kWidths) {
    const auto x = random_values(5 * width), weights = random_values(std::ssize(rows));
    for (const int64_t count : {0, 1, 4}) {
      std::vector<float> y(static_cast<size_t>(width), 7), expected = y;
      passes().weighted_sum(x.data(), rows.data(), weights.data(), count, y.data(), width);
      scalar().weighted_sum(x.data(), rows.data(), weights.data(), count, expected.data(), width);
      EXPECT_EQ(y, expected) << width << " of " << count;
    }
  }
}

TEST_P(TrainingPassesVersions, AdamwAsScalar) {
  const AdamwSettings settings{.learning_rate = 0.01f,
                               .decay = 0.1f,
                               .beta1 = 0.9f,
                               .beta2 = 0.95f,
                               .eps = 1e-6f,
                               .gradient_factor = 0.5f,
                               .mean_correction = 0.19f,
                               .square_correction = 0.1f};
  for (const int64_t count : kWidths) {
    const auto gradient = random_values(count);
    auto value = random_values(count), mean = random_values(count), square = random_values(count);
    for (float& v : square) v = v * v;
    auto expected_value = value, expected_mean = mean, expected_square = square;
    passes().adamw(settings, value.data(), gradient.data(), mean.data(), square.data(), count);
    scalar().adamw(settings, expected_value.data(), gradient.data(), expected_mean.data(), expected_square.data(),
                   count);
    expect_near(value, expected_value, 1e-6, "value");
    expect_near(mean, expected_mean, 1e-6, "mean");
    expect_near(square, expected_square, 1e-6, "square");
  }
}

template <class Signature>
auto find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

Tensor leaf(const Tensor& values) {
  return values.detach().clone().set_requires_grad(true);
}

// Largest difference in units of what is allowed: `tolerance` of values up to 4, and as much more of larger ones as
// their rounding grows.
double excess(const Tensor& actual, const Tensor& expected, double tolerance) {
  return (actual - expected).abs().div(expected.abs().div(4).clamp_min(1).mul(tolerance)).max().item<double>();
}

// The operator's gradient in the type against that of the chain of operators, in double.
void expect_gradients(const std::vector<Tensor>& inputs, const std::function<Tensor(const std::vector<Tensor>&)>& fused,
                      const std::function<Tensor(const std::vector<Tensor>&)>& chain, double tolerance,
                      at::ScalarType type = at::kFloat) {
  std::vector<Tensor> own, exact;
  for (const Tensor& input : inputs) {
    own.push_back(leaf(input.to(type)));
    exact.push_back(leaf(own.back().to(at::kDouble)));
  }
  const Tensor y = fused(own), expected = chain(exact);
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_LE(excess(y, expected, tolerance), 1);
  EXPECT_EQ(y.scalar_type(), type);
  const Tensor direction = at::randn(y.sizes()).to(type);
  y.backward(direction);
  expected.backward(direction.to(at::kDouble));
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LE(excess(own[i].grad(), exact[i].grad(), tolerance), 1) << "input " << i;
  }
}

// Values below 8, rounded to 8 bits: half of the last of them.
double rounding(at::ScalarType type, double of_float32) {
  return type == at::kBFloat16 ? 8.0 / 512 : of_float32;
}

TEST(TrainingPassesOps, HaveTheGradientsOfTheirChains) {
  const auto gated = find<Tensor(const Tensor&)>("molmo::gated");
  const auto gelu = find<Tensor(const Tensor&)>("molmo::quick_gelu");
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    expect_gradients(
        {at::randn({3, 5, 34})}, [&](const auto& x) { return gated.call(x[0]); },
        [](const auto& x) {
          const auto halves = x[0].chunk(2, -1);
          return at::silu(halves[1]) * halves[0];
        },
        rounding(type, 1e-5), type);
    expect_gradients(
        {at::randn({40, 21})}, [&](const auto& x) { return gelu.call(x[0]); },
        [](const auto& x) { return x[0] * at::sigmoid(x[0] * 1.702); }, rounding(type, 1e-5), type);
  }
  const auto norm = find<Tensor(const Tensor&, const Tensor&, double)>("molmo::rms_norm");
  expect_gradients(
      {at::randn({2, 300, 37}), at::randn({37})}, [&](const auto& x) { return norm.call(x[0], x[1], 1e-5); },
      [](const auto& x) { return x[0] * (x[0].square().mean(-1, true) + 1e-5).rsqrt() * x[1]; }, 1e-4);
}

TEST(TrainingPassesOps, RotateHeadsHasTheGradientOfItsChain) {
  using Rotation = std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t);
  const auto rotate = find<Rotation>("molmo::rotate_heads");
  const int64_t tokens = 5, heads = 4, kv_heads = 2, width = 6;
  for (const auto& [angle_rows, type] : {std::pair{1, at::kFloat}, {3, at::kFloat}, {3, at::kBFloat16}}) {
    const Tensor angles = at::randn({angle_rows, 1, tokens, width / 2});
    const auto join = [](const Tensor& q, const Tensor& k, const Tensor& v) { return at::cat({q, k, v}, 1); };
    expect_gradients(
        {at::randn({3, tokens, (heads + 2 * kv_heads) * width})},
        [&](const auto& x) {
          const auto [q, k, v] = rotate.call(x[0], angles.cos(), angles.sin(), heads, kv_heads);
          return join(q, k, v);
        },
        [&](const auto& x) {
          const Tensor all = x[0].view({3, tokens, heads + 2 * kv_heads, width}).transpose(1, 2);
          const Tensor rotated = all.narrow(1, 0, heads + kv_heads);
          const auto halves = rotated.chunk(2, -1);
          const Tensor c = angles.cos().to(at::kDouble), s = angles.sin().to(at::kDouble);
          const Tensor turned = at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
          return join(turned.narrow(1, 0, heads), turned.narrow(1, heads, kv_heads),
                      all.narrow(1, heads + kv_heads, kv_heads));
        },
        rounding(type, 1e-5), type);
  }
}

TEST(TrainingPassesOps, GiveTheSameBitsOnAnyNumberOfThreads) {
  const auto norm = find<Tensor(const Tensor&, const Tensor&, double)>("molmo::rms_norm");
  const auto squares = find<double(const Tensor&)>("molmo::sum_of_squares");
  const Tensor x = at::randn({3000, 64}), weight = at::randn({64}), direction = at::randn({3000, 64}),
               many = at::randn({1 << 20});
  const int threads = at::get_num_threads();
  std::vector<Tensor> gradients;
  std::vector<double> sums;
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    const Tensor own = leaf(weight);
    norm.call(x, own, 1e-6).backward(direction);
    gradients.push_back(own.grad());
    sums.push_back(squares.call(many));
  }
  at::set_num_threads(threads);
  for (size_t i = 1; i < sums.size(); ++i) {
    EXPECT_TRUE(gradients[i].equal(gradients[0]));
    EXPECT_EQ(sums[i], sums[0]);
  }
}

}  // namespace
}  // namespace molmo::kernels
