#include "train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

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
  if (!x.is_cpu()) return x.square().sum(at::kDouble).item<double>();
  static const auto op = find<double(const at::Tensor&)>("molmo::sum_of_squares");
  return op.call(x);
}

struct Update {
  double learning_rate, decay, beta1, beta2, eps, grad_factor;
  int64_t count;  // of updates of the parameter, this one included
};

void adamw(const at::Tensor& value, const at::Tensor& gradient, const at::Tensor& mean, const at::Tensor& square,
           const Update& update) {
  const auto count = static_cast<double>(update.count);
  if (value.is_cpu()) {
    using Signature =
        void(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&, at::ArrayRef<double>);
    static const auto op = find<Signature>("molmo::adamw_");
    op.call(value, gradient, mean, square,
            {update.learning_rate, update.decay, update.beta1, update.beta2, update.eps, update.grad_factor, count});
    return;
  }
  const double mean_correction = 1 - std::pow(update.beta1, count);
  const double square_correction = 1 - std::pow(update.beta2, count);
  const at::Tensor scaled = gradient * update.grad_factor;
  mean.mul_(update.beta1).add_(scaled, 1 - update.beta1);
  square.mul_(update.beta2).addcmul_(scaled, scaled, 1 - update.beta2);
  const at::Tensor denominator = square.sqrt().div_(std::sqrt(square_correction)).add_(update.eps);
  value.mul_(1 - update.learning_rate * update.decay);
  value.addcdiv_(mean, denominator, -update.learning_rate / mean_correction);
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
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor gradient = shards_.gradient(i);
    if (gradient.defined() && gradient.numel() > 0)
      squares[index_of(parameters_[i].component)] += sum_of_squares(gradient);
  }
  ranks_.shards->sum(squares);
  for (size_t i = 0; i < squares.size(); ++i) grad_norms_[i] = std::sqrt(squares[i]);
}

bool AdamW::has_finite_gradients() const {
  return std::ranges::all_of(grad_norms_, [](double norm) { return std::isfinite(norm); });
}

void AdamW::update(const config::StageConfig& stage, const ByComponent& learning_rates) {
  const at::NoGradGuard no_grad;
  int64_t* num_updates = num_updates_.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter& parameter = parameters_[i];
    const at::Tensor gradient = shards_.gradient(i);
    if (!gradient.defined()) continue;
    ++num_updates[i];
    const auto& settings = training_of(stage, parameter.component);
    const size_t component = index_of(parameter.component);
    if (gradient.numel() > 0) {
      adamw(shards_.part(i).value, gradient, moments_[i].mean, moments_[i].square,
            {.learning_rate = learning_rates[component],
             .decay = parameter.is_decayed ? settings.weight_decay : 0,
             .beta1 = settings.beta1,
             .beta2 = settings.beta2,
             .eps = settings.eps,
             .grad_factor = clip_factor(grad_norms_[component], settings.max_grad_norm),
             .count = num_updates[i]});
    }
    parameter.value.mutable_grad().reset();
  }
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
    const auto shape = parameters_[i].value.sizes().vec();
    const int64_t begin = shards_.part(i).begin;
    state.push_back({"adam_mean/" + parameters_[i].name, shape, begin, moments.mean});
    state.push_back({"adam_square/" + parameters_[i].name, shape, begin, moments.square});
  }
  state.push_back({kUpdatesName, num_updates_.sizes().vec(), 0, num_updates_});
  return state;
}

}  // namespace molmo::train
