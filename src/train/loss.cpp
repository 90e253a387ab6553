#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logsumexp.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace molmo::train {
namespace {

// Logits that exist at once, 64 MB; but enough rows that the gradient of the head is not added up too often.
constexpr int64_t kMaxLogits = int64_t{1} << 24, kMinRows = 512;

double weighted_sum(const at::Tensor& weights, const at::Tensor& values) {
  return (weights.to(at::kDouble) * values.to(at::kDouble)).sum().item<double>();
}

LossSums sum_rows(const RowLosses& rows, const at::Tensor& weights, const LossSettings& settings) {
  return {.cross_entropy = weighted_sum(weights, rows.cross_entropy) / settings.divisor,
          .z_loss = settings.z_loss * weighted_sum(weights, rows.log_denominator.square()) / settings.divisor,
          .accuracy = weighted_sum(weights, rows.is_correct) / settings.divisor};
}

}  // namespace

Targets find_targets(const at::Tensor& labels, const at::Tensor& weights, int64_t num_classes) {
  const at::Tensor positions = weights.flatten().gt(0).nonzero().squeeze(1);
  Targets targets{.positions = positions,
                  .labels = labels.flatten().index_select(0, positions),
                  .weights = weights.flatten().index_select(0, positions)};
  if (targets.labels.numel() == 0) return targets;
  const int64_t least = targets.labels.min().item<int64_t>(), most = targets.labels.max().item<int64_t>();
  if (least < 0 || most >= num_classes) {
    fail(ErrorCategory::BadData, "label {} has a loss weight, the model has classes 0 to {}", least < 0 ? least : most,
         num_classes - 1);
  }
  return targets;
}

RowLosses row_losses(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                     const LossSettings& settings, bool make_gradient) {
  const at::NoGradGuard no_grad;
  if (logits.is_cpu() && logits.scalar_type() == at::kFloat && logits.is_contiguous()) {
    static const auto op =
        c10::Dispatcher::singleton()
            .findSchemaOrThrow("molmo::row_losses", "")
            .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, double, double, bool)>();
    const at::Tensor losses = op.call(logits, labels, weights, settings.z_loss, settings.divisor, make_gradient);
    return {.cross_entropy = losses[0], .log_denominator = losses[1], .is_correct = losses[2]};
  }
  const at::Tensor index = labels.unsqueeze(1);
  RowLosses losses;
  losses.log_denominator = at::logsumexp(logits, 1);
  losses.cross_entropy = losses.log_denominator - logits.gather(1, index).squeeze(1);
  losses.is_correct = logits.argmax(1).eq(labels).to(at::kFloat);
  if (!make_gradient) return losses;
  const at::Tensor scale = weights / settings.divisor;
  const at::Tensor scale_of_softmax = scale * (1 + 2 * settings.z_loss * losses.log_denominator);
  logits.sub_(losses.log_denominator.unsqueeze(1)).exp_().mul_(scale_of_softmax.unsqueeze(1));
  logits.scatter_add_(1, index, scale.neg().unsqueeze(1));
  return losses;
}

LossSums& LossSums::operator+=(const LossSums& other) {
  cross_entropy += other.cross_entropy;
  z_loss += other.z_loss;
  accuracy += other.accuracy;
  return *this;
}

HeadLoss head_loss(const at::Tensor& rows, const Targets& targets,
                   const std::function<at::Tensor(const at::Tensor&)>& head, const LossSettings& settings) {
  HeadLoss loss;
  std::vector<at::Tensor> gradients;
  int64_t most_rows = kMinRows;
  for (int64_t begin = 0; begin < rows.size(0);) {
    const int64_t count = std::min(most_rows, rows.size(0) - begin);
    const at::Tensor block = rows.narrow(0, begin, count).detach().set_requires_grad(rows.requires_grad());
    const at::Tensor logits = head(block);
    const at::Tensor weights = targets.weights.narrow(0, begin, count);
    // The product that gave the logits does not need them in its backward pass.
    const RowLosses losses =
        row_losses(logits.detach(), targets.labels.narrow(0, begin, count), weights, settings, logits.requires_grad());
    if (logits.requires_grad()) logits.backward(logits.detach());
    if (block.grad().defined()) gradients.push_back(block.grad());
    loss.sums += sum_rows(losses, weights, settings);
    begin += count;
    most_rows = std::max(kMinRows, kMaxLogits / logits.size(1));
  }
  if (!gradients.empty()) loss.gradient = gradients.size() == 1 ? gradients[0] : at::cat(gradients);
  return loss;
}

}  // namespace molmo::train
