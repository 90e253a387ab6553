// What is minimised over tokens, or over patches: weighted cross-entropy and z-loss (paper, appendix A.3; reference:
// olmo/train.py). Both are sums over rows of weight * loss, divided by the sum of the weights over the global batch,
// which is known before the forward pass: so gradients of micro-batches, and of ranks, simply add up.
// Logits exist for rows with a weight only, a block of rows at a time, and turn into their gradient in place.
// Letters: N rows, D width of the hidden states, V classes (rows of the vocabulary).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace molmo::dist {
class ProcessGroup;
}

namespace molmo::train {

// Rows whose loss counts.
struct Targets {
  at::Tensor positions;  // [N] int64, of the rows among all rows
  at::Tensor labels;     // [N] int64
  at::Tensor weights;    // [N] float32, more than 0
};

// labels: int64, weights: float32 of the same shape; weights that are not positive count as 0 (negative ones pad).
// Throws BadData for a label outside of [0, num_classes) that has a weight.
Targets find_targets(const at::Tensor& labels, const at::Tensor& weights, int64_t num_classes);

struct LossSettings {
  double z_loss = 0;   // weight of the squared log of the softmax's denominator
  double divisor = 1;  // sum of the weights over the global batch
};

// Of single rows, unweighted: [N] float32 each.
struct RowLosses {
  at::Tensor cross_entropy;
  at::Tensor log_denominator;
  at::Tensor is_correct;  // 1 where the label has the largest logit (the first of equal ones), else 0
};

// logits: [N, V] float32. With `make_gradient` they are overwritten with the gradient of sum over rows of
// weight * (cross_entropy + z_loss * log_denominator^2) / divisor.
RowLosses row_losses(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                     const LossSettings& settings, bool make_gradient);

// Ranks that have a part of the classes each, in their order, and the same rows.
struct ClassParts {
  const dist::ProcessGroup* ranks = nullptr;  // null: this one has all classes
  int64_t first = 0;                          // class of this rank
  int64_t largest = 0;                        // number of classes of the largest part
};

// The same of logits [N, v] of this rank's part; the labels are of all classes. All ranks call it.
RowLosses row_losses_of_parts(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& weights,
                              const LossSettings& settings, bool make_gradient, const ClassParts& parts);

// Divided by settings.divisor, z-loss with its weight.
struct LossSums {
  double cross_entropy = 0, z_loss = 0, accuracy = 0;

  LossSums& operator+=(const LossSums& other);
};

struct HeadLoss {
  LossSums sums;
  at::Tensor gradient;  // of the rows, [N, D]; undefined where nothing needs gradients
};

// rows: [N, D] with the rows of `targets`, head: [n, D] -> [n, V] float32. Where gradients are enabled, those of the
// head's own weights are accumulated on return, and that of the rows is given back, for rows.backward(gradient).
// `parts`: whose logits the head makes.
HeadLoss head_loss(const at::Tensor& rows, const Targets& targets,
                   const std::function<at::Tensor(const at::Tensor&)>& head, const LossSettings& settings,
                   const ClassParts& parts = {});

}  // namespace molmo::train
