#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "dist/process_group.h"

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

// Logits [N, v] become their gradient. `scale`: [N], of the loss; `label_share`: [N], what is taken off at `index` [N,
// 1].
void make_gradient_in_place(const at::Tensor& logits, const at::Tensor& log_denominator, const at::Tensor& scale,
                            const at::Tensor& index, const at::Tensor& label_share, double z_loss) {
  const at::Tensor scale_of_softmax = scale * (1 + 2 * z_loss * log_denominator);
  logits.sub_(log_denominator.unsqueeze(1)).exp_().mul_(scale_of_softmax.unsqueeze(1));
  logits.scatter_add_(1, index, label_share.neg().unsqueeze(1));
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
  make_gradient_in_place(logits, losses.log_denominator, scale, index, scale, settings.z_loss);
  return losses;
}

RowLosses row_losses_of_parts(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                              const LossSettings& settings, bool make_gradient, const ClassParts& parts) {
  const at::NoGradGuard no_grad;
  const at::Tensor own_labels = labels - parts.first;
  const at::Tensor is_own = own_labels.ge(0).logical_and(own_labels.lt(logits.size(1)));
  const at::Tensor index = own_labels.clamp(0, logits.size(1) - 1).unsqueeze(1);
  const auto [largest, likeliest] = logits.max(1);

  // What the others have to know of this part: [4, N].
  const at::Tensor own =
      at::stack({at::logsumexp(logits, 1), largest, at::where(is_own, logits.gather(1, index).squeeze(1), 0.0),
                 likeliest.eq(own_labels).to(logits.scalar_type())});
  const int64_t num_ranks = parts.ranks->num_ranks();
  const at::Tensor all = at::empty({num_ranks, own.size(0), own.size(1)}, own.options());
  parts.ranks->gather(all.view(-1), own.view(-1)).wait();
  const at::Tensor first_largest = all.select(1, 1).argmax(0, /*keepdim=*/true);  // of equal ones, as within a part

  RowLosses losses;
  losses.log_denominator = at::logsumexp(all.select(1, 0), 0);
  losses.cross_entropy = losses.log_denominator - all.select(1, 2).sum(0);
  losses.is_correct = all.select(1, 3).gather(0, first_largest).squeeze(0);
  if (!make_gradient) return losses;
  const at::Tensor scale = weights / settings.divisor;
  make_gradient_in_place(logits, losses.log_denominator, scale, index, at::where(is_own, scale, 0.0), settings.z_loss);
  return losses;
}

LossSums& LossSums::operator+=(const LossSums& other) {
  cross_entropy += other.cross_entropy;
  z_loss += other.z_loss;
  accuracy += other.accuracy;
  return *this;
}

HeadLoss head_loss(const at::Tensor& rows, const Targets& targets,
                   const std::function<at::Tensor(const at::Tensor&)>& head, const LossSettings& settings,
                   const ClassParts& parts) {
  HeadLoss loss;
  std::vector<at::Tensor> gradients;
  int64_t most_rows = kMinRows;
  for (int64_t begin = 0; begin < rows.size(0);) {
    const int64_t count = std::min(most_rows, rows.size(0) - begin);
    const at::Tensor block = rows.narrow(0, begin, count).detach().set_requires_grad(rows.requires_grad());
    const at::Tensor logits = head(block);
    const at::Tensor weights = targets.weights.narrow(0, begin, count);
    // The product that gave the logits does not need them in its backward pass.
    const at::Tensor labels = targets.labels.narrow(0, begin, count), values = logits.detach();
    const bool has_gradient = logits.requires_grad();
    const RowLosses losses = parts.ranks == nullptr
                                 ? row_losses(values, labels, weights, settings, has_gradient)
                                 : row_losses_of_parts(values, labels, weights, settings, has_gradient, parts);
    if (logits.requires_grad()) logits.backward(logits.detach());
    if (block.grad().defined()) gradients.push_back(block.grad());
    loss.sums += sum_rows(losses, weights, settings);
    begin += count;
    most_rows = std::max(kMinRows, kMaxLogits / std::max(parts.largest, logits.size(1)));
  }
  if (!gradients.empty()) loss.gradient = gradients.size() == 1 ? gradients[0] : at::cat(gradients);
  return loss;
}

}  // namespace molmo::train
