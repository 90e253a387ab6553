// AdamW against a scalar twin in double precision.
#include "train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/tiny_model.h"

namespace molmo::train {
namespace {

using model::Component;

constexpr ByComponent kRates = {0.02, 0.03, 0.01};

config::StageConfig stage() {
  config::StageConfig stage;
  stage.vision.weight_decay = stage.connector.weight_decay = stage.language.weight_decay = 0.2;
  stage.vision.beta1 = 0.8;
  stage.connector.max_grad_norm = 0;
  stage.language.max_grad_norm = 0.5;
  stage.language.eps = 1e-3;
  return stage;
}

struct SlowAdam {
  double value, mean = 0, square = 0;
  int64_t count = 0;

  void update(double gradient, double rate, double decay, const config::ComponentTraining& training) {
    ++count;
    mean = training.beta1 * mean + (1 - training.beta1) * gradient;
    square = training.beta2 * square + (1 - training.beta2) * gradient * gradient;
    value *= 1 - rate * decay;
    const double corrected = mean / (1 - std::pow(training.beta1, count));
    value -= rate * corrected / (std::sqrt(square / (1 - std::pow(training.beta2, count))) + training.eps);
  }
};

std::vector<Parameter> parameters_of_all_kinds() {
  std::vector<Parameter> parameters;
  uint64_t seed = 0;
  for (const Component component : {Component::Vision, Component::Connector, Component::Language}) {
    for (const bool is_decayed : {true, false}) {
      at::Tensor value = test::random_tensor({5, static_cast<int64_t>(3 + seed)}, ++seed).set_requires_grad(true);
      parameters.push_back({"p" + std::to_string(seed), component, is_decayed, value});
    }
  }
  return parameters;
}

TEST(AdamW, EqualsAScalarTwin) {
  auto parameters = parameters_of_all_kinds();
  std::vector<std::vector<SlowAdam>> twins;
  for (const Parameter& parameter : parameters) {
    auto& twin = twins.emplace_back();
    for (int64_t i = 0; i < parameter.value.numel(); ++i)
      twin.push_back({parameter.value.detach().view(-1)[i].item<double>()});
  }
  const Ranks alone;
  Shards shards(parameters, {}, alone);
  AdamW optimizer(parameters, shards, alone);
  const config::StageConfig settings = stage();
  for (uint64_t step = 1; step <= 4; ++step) {
    ByComponent norms{};
    for (size_t p = 0; p < parameters.size(); ++p) {
      if (p == 3 && step == 2) continue;  // no gradient in this step
      const at::Tensor& value = parameters[p].value;
      value.mutable_grad() = test::random_tensor(value.sizes(), 100 * step + p);
      norms[p / 2] += value.grad().to(at::kDouble).square().sum().item<double>();
    }
    for (double& norm : norms) norm = std::sqrt(norm);
    optimizer.reduce_gradients();
    for (size_t c = 0; c < norms.size(); ++c) EXPECT_NEAR(optimizer.grad_norms()[c], norms[c], 1e-6);
    for (size_t p = 0; p < parameters.size(); ++p) {
      const auto& training = training_of(settings, parameters[p].component);
      const double factor =
          training.max_grad_norm > 0 ? std::min(1.0, training.max_grad_norm / (norms[p / 2] + 1e-6)) : 1;
      const at::Tensor gradient = parameters[p].value.grad();
      for (size_t i = 0; gradient.defined() && i < twins[p].size(); ++i) {
        twins[p][i].update(factor * gradient.view(-1)[static_cast<int64_t>(i)].item<double>(), kRates[p / 2],
                           parameters[p].is_decayed ? 0.2 : 0, training);
      }
    }
    optimizer.update(settings, kRates);
    for (size_t p = 0; p < parameters.size(); ++p) {
      EXPECT_FALSE(parameters[p].value.grad().defined());
      for (size_t i = 0; i < twins[p].size(); ++i) {
        ASSERT_NEAR(parameters[p].value.detach().view(-1)[static_cast<int64_t>(i)].item<double>(), twins[p][i].value,
                    2e-6)
            << "step " << step << ", parameter " << p << ", element " << i;
      }
    }
  }
}

TEST(AdamW, NoticesGradientsThatAreNotFinite) {
  auto parameters = parameters_of_all_kinds();
  const Ranks alone;
  Shards shards(parameters, {}, alone);
  AdamW optimizer(parameters, shards, alone);
  for (const Parameter& parameter : parameters)
    parameter.value.mutable_grad() = at::full(parameter.value.sizes(), 1.0, at::kFloat);
  optimizer.reduce_gradients();
  EXPECT_TRUE(optimizer.has_finite_gradients());
  parameters[4].value.grad()[1][1] = std::numeric_limits<float>::infinity();
  optimizer.reduce_gradients();
  EXPECT_FALSE(optimizer.has_finite_gradients());
  EXPECT_TRUE(std::isfinite(optimizer.grad_norms()[0]));
}

}  // namespace
}  // namespace molmo::train
