#include "train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <map>
#include <vector>

namespace molmo::train {
namespace {

// Keeps the quotient finite for gradients of zero, as the reference does.
constexpr double kNormEpsilon = 1e-6;

size_t index_of(model::Component component) {
  return static_cast<size_t>(component);
}

double clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + kNormEpsilon)) : 1;
}

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

double sum_of_squares(const at::Tensor& x) {
  static const auto op = find<double(const at::Tensor&)>("molmo::sum_of_squares");
  return op.call(x);
}

// Of tensors on one device, which is asked once.
std::vector<double> sums_of_squares(const std::vector<at::Tensor>& tensors) {
  std::vector<double> sums;
  if (tensors.empty()) return sums;
  if (tensors.front().is_cpu()) {
    for (const at::Tensor& tensor : tensors) sums.push_back(sum_of_squares(tensor));
    return sums;
  }
  const at::Tensor norms = at::stack(at::_foreach_norm(tensors, 2)).to(at::kDouble).cpu();
  for (int64_t i = 0; i < norms.numel(); ++i) {
    const double norm = norms[i].item<double>();
    sums.push_back(norm * norm);
  }
  return sums;
}

// How some parameters are updated, which then go to the device together.
struct Update {
  double learning_rate, decay, beta1, beta2, eps, grad_factor;
  int64_t count;  // of updates of the parameters, this one included

  auto operator<=>(const Update&) const = default;
};

struct Updated {
  std::vector<at::Tensor> values, gradients, means, squares;
};

void adamw_on_cpu(const Update& update, const Updated& updated) {
  using Signature =
      void(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, at::ArrayRef<double>);
  static const auto op = find<Signature>("molmo::adamw_");
  for (size_t i = 0; i < updated.values.size(); ++i) {
    op.call(updated.values[i], updated.gradients[i], updated.means[i], updated.squares[i],
            {update.learning_rate, update.decay, update.beta1, update.beta2, update.eps, update.grad_factor,
             static_cast<double>(update.count)});
  }
}

void adamw(const Update& update, const Updated& updated) {
  if (updated.values.front().is_cpu()) return adamw_on_cpu(update, updated);
  const auto options = updated.values.front().options();
  const std::vector<at::Tensor> counts(updated.values.size(), at::full({}, static_cast<double>(update.count), options));
  at::_fused_adamw_(updated.values, updated.gradients, updated.means, updated.squares, /*max_exp_avg_sqs=*/{}, counts,
                    update.learning_rate, update.beta1, update.beta2, update.decay, update.eps, /*amsgrad=*/false,
                    /*maximize=*/false, /*grad_scale=*/at::full({}, 1 / update.grad_factor, options));
}

}  // namespace

AdamW::AdamW(std::span<const Parameter> parameters, Shards& shards, const Ranks& ranks)
    : parameters_(parameters), shards_(shards), ranks_(ranks) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& part = shards.part(i).value;
    moments_.push_back({.mean = at::zeros_like(part), .square = at::zeros_like(part)});
  }
  num_updates_ = at::zeros({static_cast<int64_t>(parameters_.size())}, at::kLong);
}

void AdamW::reduce_gradients() {
  const at::NoGradGuard no_grad;
  shards_.sum_gradients();
  ByComponent squares{};
  std::vector<at::Tensor> gradients;
  std::vector<size_t> components;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor gradient = shards_.gradient(i);
    if (!gradient.defined() || gradient.numel() == 0) continue;
    // Each element once: of ranks that share each layer, what all of them have is the first one's.
    if (parameters_[i].slice.is_whole() && ranks_.tensor->rank() != 0) continue;
    gradients.push_back(gradient);
    components.push_back(index_of(parameters_[i].component));
  }
  const std::vector<double> sums = sums_of_squares(gradients);
  for (size_t i = 0; i < sums.size(); ++i) squares[components[i]] += sums[i];
  ranks_.tensor->sum(squares);
  ranks_.shards->sum(squares);
  for (size_t i = 0; i < squares.size(); ++i) grad_norms_[i] = std::sqrt(squares[i]);
}

bool AdamW::has_finite_gradients() const {
  return std::ranges::all_of(grad_norms_, [](double norm) { return std::isfinite(norm); });
}

void AdamW::update(const config::StageConfig& stage, const ByComponent& learning_rates) {
  const at::NoGradGuard no_grad;
  int64_t* num_updates = num_updates_.mutable_data_ptr<int64_t>();
  std::map<Update, Updated> updates;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const at::Tensor gradient = shards_.gradient(i);
    if (!gradient.defined()) continue;
    ++num_updates[i];
    const auto& settings = training_of(stage, parameter.component);
    const size_t component = index_of(parameter.component);
    if (gradient.numel() > 0) {
      Updated& updated = updates[{.learning_rate = learning_rates[component],
                                  .decay = parameter.is_decayed ? settings.weight_decay : 0,
                                  .beta1 = settings.beta1,
                                  .beta2 = settings.beta2,
                                  .eps = settings.eps,
                                  .grad_factor = clip_factor(grad_norms_[component], settings.max_grad_norm),
                                  .count = num_updates[i]}];
      updated.values.push_back(shards_.part(i).value);
      updated.gradients.push_back(gradient);
      updated.means.push_back(moments_[i].mean);
      updated.squares.push_back(moments_[i].square);
    }
    parameter.value.mutable_grad().reset();
  }
  for (const auto& [update, updated] : updates) adamw(update, updated);
  shards_.drop_gradients();
  shards_.finish_update();
}

void AdamW::drop_gradients() {
  shards_.drop_gradients();
}

std::vector<checkpoint::StateTensor> AdamW::state() const {
  std::vector<checkpoint::StateTensor> state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Moments& moments = moments_[i];
    const Parameter& parameter = parameters_[i];
    const auto shape = parameter.slice.whole_shape(parameter.value.sizes());
    const int64_t begin = shards_.part(i).begin;
    state.push_back({"adam_mean/" + parameter.name, shape, begin, moments.mean, parameter.slice});
    state.push_back({"adam_square/" + parameter.name, shape, begin, moments.square, parameter.slice});
  }
  state.push_back({kUpdatesName, num_updates_.sizes().vec(), 0, num_updates_});
  return state;
}

}  // namespace molmo::train
