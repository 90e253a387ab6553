#include "model/linear.h"

#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "golden_case.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

constexpr int64_t kOut = 37, kIn = 70;

class LinearTest : public testing::Test {
 protected:
  Linear make(Bias bias = Bias::Yes) const { return Linear(WeightScope(weights_, adapter_), "layer", kOut, kIn, bias); }

  Weights weights_{{"layer.weight", test::random_tensor({kOut, kIn}, 1)},
                   {"layer.bias", test::random_tensor({kOut}, 2)}};
  Adapter adapter_;
  at::Tensor x_ = test::random_tensor({2, 40, kIn}, 3);
};

// Products of 70 numbers below one, in float32: an error of a few 1e-6.
constexpr double kRounding = 1e-5;

TEST_F(LinearTest, ComputesInFloat32OnRoundedWeights) {
  for (at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    weights_["layer.weight"] = test::random_tensor({kOut, kIn}, 1).to(type);
    weights_["layer.bias"] = test::random_tensor({kOut}, 2).to(type);
    const at::Tensor rounded = weights_["layer.weight"].to(at::kDouble), bias = weights_["layer.bias"].to(at::kDouble);
    for (int64_t num_tokens : {0, 1, 3, 40}) {
      const at::Tensor x = x_.narrow(1, 0, num_tokens);
      const at::Tensor y = make().forward(x);
      EXPECT_EQ(y.scalar_type(), at::kFloat);
      test::expect_close(y, at::linear(x.to(at::kDouble), rounded, bias), kRounding, "with bias");
      test::expect_close(make(Bias::No).forward(x), at::linear(x.to(at::kDouble), rounded), kRounding, "without");
    }
  }
}

TEST_F(LinearTest, ReadsTransposedWeights) {
  for (at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor weight = test::random_tensor({kOut, kIn}, 1).to(type);
    weights_["layer.weight"] = weight.t().contiguous().t();
    test::expect_close(make().forward(x_), at::linear(x_, weight.to(at::kFloat), weights_["layer.bias"]), kRounding,
                       "transposed");
  }
}

TEST_F(LinearTest, AddsALowRankUpdate) {
  for (at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor a = test::random_tensor({4, kIn}, 4).to(type), b = test::random_tensor({kOut, 4}, 5).to(type);
    adapter_.updates["layer.weight"] = {.a = a, .b = b, .scale = 0.5};
    const at::Tensor merged = weights_["layer.weight"] + 0.5 * b.to(at::kFloat).matmul(a.to(at::kFloat));
    test::expect_close(make().forward(x_), at::linear(x_, merged, weights_["layer.bias"]), 2 * kRounding, "merged");
  }
}

TEST_F(LinearTest, GivesGradientsForFrozenHalfWeights) {
  weights_["layer.weight"] = weights_["layer.weight"].to(at::kBFloat16);
  at::Tensor x = x_.clone().requires_grad_(true);
  make().forward(x).sum().backward();
  test::expect_close(x.grad()[1][7], weights_["layer.weight"].to(at::kFloat).sum(0), kRounding, "gradient");
}

TEST_F(LinearTest, NamesTheWrongTensor) {
  const auto message = [&] {
    try {
      make();
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
      return std::string(error.what());
    }
    return std::string();
  };
  weights_["layer.weight"] = test::random_tensor({kOut, kIn + 1}, 1);
  EXPECT_NE(message().find("'layer.weight' is [37, 71], the configuration wants [37, 70]"), std::string::npos);
  weights_["layer.weight"] = test::random_tensor({kOut, kIn}, 1).to(at::kLong);
  EXPECT_NE(message().find("'layer.weight' has type Long"), std::string::npos);
  weights_.erase("layer.weight");
  EXPECT_NE(message().find("'layer.weight' is missing"), std::string::npos);
  weights_["layer.weight"] = test::random_tensor({kOut, kIn}, 1);
  adapter_.updates["layer.weight"] = {.a = x_[0], .b = x_[0]};
  EXPECT_NE(message().find("adapter matrix B for 'layer.weight'"), std::string::npos);
  adapter_.updates.clear();
  adapter_.updates["layr.weight"] = {};
  EXPECT_NE(message().find("'layr.weight'"), std::string::npos);
}

// What stands before a frozen layer is trained through it; the weight stays as it is stored.
TEST_F(LinearTest, PassesGradientsThroughFrozenWeightsOf16Bits) {
  for (at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    weights_["layer.weight"] = test::random_tensor({kOut, kIn}, 1).to(type);
    const at::Tensor x = x_.clone().set_requires_grad(true), exact = x_.to(at::kDouble).set_requires_grad(true);
    const at::Tensor direction = test::random_tensor({2, 40, kOut}, 9);
    make().forward(x).backward(direction);
    at::linear(exact, weights_["layer.weight"].to(at::kDouble)).backward(direction.to(at::kDouble));
    test::expect_close(x.grad(), exact.grad(), kRounding, "gradient of x");
    EXPECT_FALSE(weights_["layer.weight"].grad().defined());
  }
}

TEST_F(LinearTest, TrainsLayersOfOneInputTogetherAsApart) {
  weights_["other.weight"] = test::random_tensor({kOut, kIn}, 4);
  weights_["other.bias"] = test::random_tensor({kOut}, 5);
  for (const bool is_trained : {false, true}) {
    for (auto& [name, weight] : weights_) weight = weight.detach().set_requires_grad(is_trained);
    const Linear first = make(), second(WeightScope(weights_, adapter_), "other", kOut, kIn, Bias::Yes);
    EXPECT_EQ(first.is_trained(), is_trained);
    const auto together = forward_together({&first, &second}, x_);
    ASSERT_EQ(together.size(), 2);
    test::expect_close(together[0], first.forward(x_), kRounding, "first");
    test::expect_close(together[1], second.forward(x_), kRounding, "second");
  }
}

}  // namespace
}  // namespace molmo::model
