// molmo::onednn_linear and its gradients against torch's own products in double precision.
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>

namespace molmo::kernels {
namespace {

using at::Tensor;

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias = std::nullopt) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("molmo::onednn_linear", "")
                             .typed<Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&)>();
  return op.call(x, weight, bias);
}

// float32 sums of `terms` products of two normal values, in any order: as many roundings, each of half a unit in the
// last place of partial sums up to four times their root; of both signs, so that the root of their number adds up.
void expect_rounded(const Tensor& actual, const Tensor& expected, int64_t terms, const char* what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const double most = (actual.to(at::kDouble) - expected).abs().max().item<double>();
  EXPECT_LE(most, 4 * 6e-8 * static_cast<double>(terms) + 1e-6) << what;
}

Tensor leaf(const Tensor& x, at::ScalarType type) {
  return x.detach().to(type).clone().set_requires_grad(true);
}

void expect_as_in_double(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  const Tensor own_x = leaf(x, at::kFloat), own_weight = leaf(weight, at::kFloat);
  const Tensor wide_x = leaf(x, at::kDouble), wide_weight = leaf(weight, at::kDouble);
  const auto own_bias = bias ? std::optional(leaf(*bias, at::kFloat)) : std::nullopt;
  const auto wide_bias = bias ? std::optional(leaf(*bias, at::kDouble)) : std::nullopt;

  const Tensor y = onednn_linear(own_x, own_weight, own_bias), expected = at::linear(wide_x, wide_weight, wide_bias);
  const int64_t in = weight.size(1), out = weight.size(0), num_rows = x.numel() / in;
  expect_rounded(y, expected, in, "y");

  const Tensor dy = at::randn(y.sizes());
  y.backward(dy);
  expected.backward(dy.to(at::kDouble));
  expect_rounded(own_x.grad(), wide_x.grad(), out, "gradient of x");
  expect_rounded(own_weight.grad(), wide_weight.grad(), num_rows, "gradient of the weight");
  if (bias) expect_rounded(own_bias->grad(), wide_bias->grad(), num_rows, "gradient of the bias");
}

TEST(OneDnnLinear, AsInDoublePrecision) {
  at::manual_seed(3);
  for (const auto& [num_rows, in, out] : {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 7}, {33, 64, 17}, {300, 24, 96}}) {
    expect_as_in_double(at::randn({num_rows, in}), at::randn({out, in}), std::nullopt);
    expect_as_in_double(at::randn({2, num_rows, in}), at::randn({out, in}), at::randn({out}));
  }
}

// Larger than what is laid out at once: two blocks of outputs, and of inputs.
TEST(OneDnnLinear, LargeWeightsInBlocks) {
  at::manual_seed(4);
  expect_as_in_double(at::randn({5, 1100}), at::randn({4099, 1100}), at::randn({4099}));
}

TEST(OneDnnLinear, StridedInputsAndWeights) {
  at::manual_seed(5);
  const Tensor x = at::randn({20, 9}).t(), weight = at::randn({20, 6}).t();
  const Tensor y = onednn_linear(x, weight);
  expect_rounded(y, at::linear(x.to(at::kDouble), weight.to(at::kDouble)), 20, "y");
}

TEST(OneDnnLinear, NoRows) {
  const Tensor x = at::zeros({0, 4}), weight = at::randn({3, 4}).set_requires_grad(true);
  const Tensor y = onednn_linear(x, weight);
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{0, 3}));
  y.sum().backward();
  EXPECT_EQ(weight.grad().abs().sum().item<double>(), 0);
}

TEST(OneDnnLinear, OnlyTheGradientsThatAreAskedFor) {
  const Tensor x = at::randn({8, 4}), weight = at::randn({3, 4}).set_requires_grad(true), bias = at::randn({3});
  onednn_linear(x, weight, bias).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_FALSE(x.grad().defined());
  EXPECT_FALSE(bias.grad().defined());
}

TEST(OneDnnLinear, RoundsUnderAutocast) {
  const Tensor x = at::randn({8, 4}), weight = at::randn({3, 4}).set_requires_grad(true);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const Tensor y = onednn_linear(x, weight);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace molmo::kernels
