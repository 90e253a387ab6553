#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace molmo::kernels {
namespace {

using at::Tensor;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::tuple<Tensor, Tensor> choose_experts(const Tensor& logits, int64_t num_active) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow("molmo::choose_experts", "")
      .typed<std::tuple<Tensor, Tensor>(const Tensor&, int64_t)>()
      .call(logits, num_active);
}

Tensor weighted_sum(const Tensor& rows, const Tensor& places, const Tensor& weights) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow("molmo::weighted_sum", "")
      .typed<Tensor(const Tensor&, const Tensor&, const Tensor&)>()
      .call(rows, places, weights);
}

TEST(ExpertRouting, ChoosesTheLargestOfTheSoftmax) {
  for (const int64_t num_experts : {1, 7, 64}) {
    const Tensor logits = at::randn({33, num_experts}) * 3;
    const int64_t num_active = std::min<int64_t>(8, num_experts);
    const auto [weights, experts] = choose_experts(logits, num_active);
    const auto [expected_weights, expected_experts] = at::topk(at::softmax(logits.to(at::kDouble), -1), num_active, -1);
    EXPECT_TRUE(weights.to(at::kDouble).allclose(expected_weights, 1e-6, 1e-9));
    EXPECT_TRUE(experts.equal(expected_experts));
  }
}

TEST(ExpertRouting, OfEqualOnesTheFirstComesFirst) {
  const auto [weights, experts] = choose_experts(at::ones({1, 6}), 3);
  EXPECT_TRUE(experts.equal(at::arange(3).unsqueeze(0)));
}

TEST(ExpertRouting, AddsWeightedRows) {
  for (const int64_t num_tokens : {1, 900}) {
    const Tensor rows = at::randn({num_tokens * 3, 50}), weights = at::randn({num_tokens, 3});
    const Tensor places = at::arange(num_tokens * 3).flip(0).contiguous();
    const Tensor pairs = rows.index_select(0, places).view({num_tokens, 3, 50});
    EXPECT_TRUE(
        weighted_sum(rows, places, weights).allclose(at::matmul(weights.unsqueeze(1), pairs).squeeze(1), 1e-5, 1e-5));
  }
}

TEST(ExpertRouting, RefusesWhatDoesNotFit) {
  EXPECT_THAT([] { choose_experts(at::ones({2, 4}), 5); }, ThrowsMessage<Error>(HasSubstr("1 to E active")));
  EXPECT_THAT(
      [] {
        choose_experts(at::ones({2, 4}, at::kDouble), 1);
      },
      ThrowsMessage<Error>(HasSubstr("contiguous Float")));
  const Tensor weights = at::ones({1, 2});
  for (const int64_t place : {-1, 3}) {
    EXPECT_THAT(
        [&] {
          weighted_sum(at::ones({3, 5}), at::tensor({int64_t{0}, place}), weights);
        },
        ThrowsMessage<Error>(HasSubstr("as many places among them")));
  }
}

}  // namespace
}  // namespace molmo::kernels
