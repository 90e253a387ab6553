// Cross-entropy and z-loss against a slow twin in double precision, and their gradient against central differences.
#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "dist/thread_ranks.h"
#include "model/tiny_model.h"

namespace molmo::train {
namespace {

constexpr int64_t kRows = 7, kClasses = 37;
constexpr LossSettings kSettings = {.z_loss = 0.3, .divisor = 2.5};

struct Case {
  at::Tensor logits = test::random_tensor({kRows, kClasses}, 5) * 8;
  at::Tensor labels = at::tensor({0, 36, 4, 4, 20, 7, 1}, at::kLong);
  at::Tensor weights = at::tensor({1.0, 0.5, 0.25, 2.0, 1.0, 0.7, 1.0}, at::kFloat);
};

struct SlowLoss {
  double cross_entropy, log_denominator;
  bool is_correct;
};

SlowLoss slow_loss(const std::vector<double>& logits, int64_t label) {
  double sum = 0;
  int64_t best = 0;
  for (int64_t v = 0; v < kClasses; ++v) {
    sum += std::exp(logits[v]);
    if (logits[v] > logits[best]) best = v;
  }
  return {std::log(sum) - logits[label], std::log(sum), best == label};
}

std::vector<double> row_of(const at::Tensor& logits, int64_t row) {
  const at::Tensor values = logits[row].to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + kClasses};
}

double total(const at::Tensor& logits, const Case& c) {
  double sum = 0;
  for (int64_t row = 0; row < kRows; ++row) {
    const SlowLoss loss = slow_loss(row_of(logits, row), c.labels[row].item<int64_t>());
    sum += c.weights[row].item<double>() *
           (loss.cross_entropy + kSettings.z_loss * loss.log_denominator * loss.log_denominator);
  }
  return sum / kSettings.divisor;
}

TEST(RowLosses, EqualASlowTwin) {
  const Case c;
  const RowLosses losses = row_losses(c.logits, c.labels, c.weights, kSettings, /*make_gradient=*/false);
  for (int64_t row = 0; row < kRows; ++row) {
    const SlowLoss expected = slow_loss(row_of(c.logits, row), c.labels[row].item<int64_t>());
    EXPECT_NEAR(losses.cross_entropy[row].item<double>(), expected.cross_entropy, 2e-6);
    EXPECT_NEAR(losses.log_denominator[row].item<double>(), expected.log_denominator, 2e-6);
    EXPECT_EQ(losses.is_correct[row].item<double>(), expected.is_correct);
  }
}

TEST(RowLosses, LeaveTheGradientInTheLogits) {
  const Case c;
  const at::Tensor gradient = c.logits.clone();
  row_losses(gradient, c.labels, c.weights, kSettings, /*make_gradient=*/true);
  constexpr double kStep = 1e-5;
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t v = 0; v < kClasses; v += 3) {
      at::Tensor above = c.logits.to(at::kDouble), below = above.clone();
      above[row][v] += kStep;
      below[row][v] -= kStep;
      const double expected = (total(above, c) - total(below, c)) / (2 * kStep);
      EXPECT_NEAR(gradient[row][v].item<double>(), expected, 1e-5) << row << ", " << v;
    }
  }
}

TEST(RowLosses, AreThoseOfAllClassesWhereRanksHavePartsOfThem) {
  const Case c;
  // The likeliest class is in two parts; the first of them is the label of one row, and not of another.
  for (const int64_t row : {1, 2}) {
    c.logits[row][20] = 9;
    c.logits[row][36] = 9;
  }
  c.labels[2] = 20;
  const at::Tensor whole = c.logits.clone();
  const RowLosses expected = row_losses(whole, c.labels, c.weights, kSettings, /*make_gradient=*/true);
  test::run_ranks(3, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    constexpr std::array<int64_t, 4> kBegins = {0, 12, 24, 37};
    const auto rank = static_cast<size_t>(group->rank());
    const int64_t begin = kBegins[rank], count = kBegins[rank + 1] - begin;
    const at::Tensor part = c.logits.narrow(1, begin, count).clone();
    const RowLosses losses = row_losses_of_parts(part, c.labels, c.weights, kSettings, /*make_gradient=*/true,
                                                 {.ranks = group.get(), .first = begin, .largest = 13});
    EXPECT_LT((losses.cross_entropy - expected.cross_entropy).abs().max().item<double>(), 4e-6);
    EXPECT_LT((losses.log_denominator - expected.log_denominator).abs().max().item<double>(), 2e-6);
    EXPECT_TRUE(losses.is_correct.equal(expected.is_correct)) << losses.is_correct << expected.is_correct;
    EXPECT_LT((part - whole.narrow(1, begin, count)).abs().max().item<double>(), 1e-5);
  });
}

TEST(RowLosses, StayFiniteForLargeLogits) {
  at::Tensor logits = at::tensor({1e4, -1e4, 9e3, 3e38, -3e38, 0.0}, at::kFloat).view({2, 3});
  const RowLosses losses = row_losses(logits, at::tensor({1, 0}, at::kLong), at::tensor({1.0, 1.0}, at::kFloat),
                                      {.z_loss = 0, .divisor = 1}, /*make_gradient=*/true);
  EXPECT_EQ(losses.cross_entropy[0].item<double>(), 2e4);
  EXPECT_EQ(losses.cross_entropy[1].item<double>(), 0);
  EXPECT_TRUE(logits.isfinite().all().item<bool>());
}

TEST(FindTargets, KeepsPositionsWithAWeight) {
  const at::Tensor labels = at::tensor({3, -1, 5, 99, 0, 2}, at::kLong).view({2, 3});
  const at::Tensor weights = at::tensor({0.5, -1.0, 0.0, 0.0, 2.0, 1.0}, at::kFloat).view({2, 3});
  const Targets targets = find_targets(labels, weights, 6);
  EXPECT_TRUE(targets.positions.equal(at::tensor({0, 4, 5}, at::kLong)));
  EXPECT_TRUE(targets.labels.equal(at::tensor({3, 0, 2}, at::kLong)));
  EXPECT_TRUE(targets.weights.equal(at::tensor({0.5, 2.0, 1.0}, at::kFloat)));
}

TEST(FindTargets, RefusesLabelsBeyondTheClasses) {
  const at::Tensor weights = at::tensor({1.0, 1.0}, at::kFloat);
  for (const int64_t label : {-1, 6}) {
    try {
      find_targets(at::tensor({label, int64_t{0}}, at::kLong), weights, 6);
      ADD_FAILURE() << label;
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::BadData);
      EXPECT_THAT(error.what(), testing::HasSubstr("classes 0 to 5"));
    }
  }
}

// More rows than a block holds: the same as the whole product, built from torch's own operators.
TEST(HeadLoss, GivesTheGradientsOfTheWholeProduct) {
  const int64_t num_rows = 1100, width = 6;
  const at::Tensor values = test::random_tensor({num_rows, width}, 1), head = test::random_tensor({kClasses, width}, 2);
  const at::Tensor labels = test::random_tensor({num_rows}, 3).abs().mul(kClasses - 1).to(at::kLong);
  const Targets targets{.positions = {}, .labels = labels, .weights = test::random_tensor({num_rows}, 4).abs() + 0.1};
  const LossSettings settings{.z_loss = 0.01, .divisor = 700};

  const at::Tensor rows = values.clone().set_requires_grad(true), weight = head.clone().set_requires_grad(true);
  const HeadLoss loss = head_loss(
      rows, targets, [&](const at::Tensor& some) { return at::linear(some, weight); }, settings);

  const at::Tensor slow_rows = values.to(at::kDouble).set_requires_grad(true);
  const at::Tensor slow_weight = head.to(at::kDouble).set_requires_grad(true);
  const at::Tensor logits = at::linear(slow_rows, slow_weight), denominator = logits.logsumexp(1);
  const at::Tensor cross_entropy = denominator - logits.gather(1, labels.unsqueeze(1)).squeeze(1);
  const at::Tensor w = targets.weights.to(at::kDouble) / settings.divisor;
  const at::Tensor expected = (w * (cross_entropy + settings.z_loss * denominator.square())).sum();
  expected.backward();

  EXPECT_NEAR(loss.sums.cross_entropy + loss.sums.z_loss, expected.item<double>(), 1e-6);
  EXPECT_NEAR(loss.sums.cross_entropy, (w * cross_entropy).sum().item<double>(), 1e-6);
  EXPECT_LE((loss.gradient - slow_rows.grad()).abs().max().item<double>(), 1e-8);
  EXPECT_LE((weight.grad() - slow_weight.grad()).abs().max().item<double>(), 1e-6);
}

TEST(HeadLoss, MakesNoGradientsWhereTheyAreOff) {
  const at::NoGradGuard no_grad;
  const at::Tensor weight = test::random_tensor({kClasses, 4}, 2).set_requires_grad(true);
  const Targets targets{
      .positions = {}, .labels = at::tensor({1, 2}, at::kLong), .weights = at::tensor({1.0, 1.0}, at::kFloat)};
  const HeadLoss loss = head_loss(test::random_tensor({2, 4}, 1), targets,
                                  [&](const at::Tensor& some) { return at::linear(some, weight); }, {});
  EXPECT_FALSE(loss.gradient.defined());
  EXPECT_FALSE(weight.grad().defined());
  EXPECT_GT(loss.sums.cross_entropy, 0);
}

}  // namespace
}  // namespace molmo::train
