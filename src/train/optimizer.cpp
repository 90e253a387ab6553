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

at::Tensor part_of(const at::Tensor& whole, const Range& range) {
  return whole.detach().view(-1).narrow(0, range.begin, range.size());
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

AdamW::AdamW(std::span<const Parameter> parameters, Ranks& ranks) : parameters_(parameters), ranks_(ranks) {
  for (const Parameter& parameter : parameters_) {
    const Range range = ranks.range(parameter.value.numel());
    const at::Tensor part = part_of(parameter.value, range);
    moments_.push_back({.range = range, .mean = at::zeros_like(part), .square = at::zeros_like(part)});
  }
  num_updates_ = at::zeros({static_cast<int64_t>(parameters_.size())}, at::kLong);
}

// Which parameters have a gradient on any rank.
std::vector<bool> AdamW::find_gradients() const {
  std::vector<double> counts;
  for (const Parameter& parameter : parameters_) counts.push_back(parameter.value.grad().defined());
  ranks_.sum(counts);
  std::vector<bool> has_gradient;
  for (const double count : counts) has_gradient.push_back(count > 0);
  return has_gradient;
}

void AdamW::reduce_gradients() {
  const at::NoGradGuard no_grad;
  const std::vector<bool> has_gradient = find_gradients();
  ByComponent squares{};
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!has_gradient[i]) continue;
    const at::Tensor& value = parameters_[i].value;
    if (!value.grad().defined()) value.mutable_grad() = at::zeros_like(value);
    if (!value.grad().is_contiguous()) value.mutable_grad() = value.grad().contiguous();
    ranks_.reduce(value.grad());
    const at::Tensor part = part_of(value.grad(), moments_[i].range);
    squares[index_of(parameters_[i].component)] += sum_of_squares(part);
  }
  ranks_.sum(squares);
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
    if (!parameter.value.grad().defined()) continue;
    const auto& settings = training_of(stage, parameter.component);
    const size_t component = index_of(parameter.component);
    const Moments& moments = moments_[i];
    adamw(part_of(parameter.value, moments.range), part_of(parameter.value.grad(), moments.range), moments.mean,
          moments.square,
          {.learning_rate = learning_rates[component],
           .decay = parameter.is_decayed ? settings.weight_decay : 0,
           .beta1 = settings.beta1,
           .beta2 = settings.beta2,
           .eps = settings.eps,
           .grad_factor = clip_factor(grad_norms_[component], settings.max_grad_norm),
           .count = ++num_updates[i]});
    parameter.value.mutable_grad().reset();
    ranks_.gather(parameter.value.detach());
  }
}

void AdamW::drop_gradients() {
  for (const Parameter& parameter : parameters_) parameter.value.mutable_grad().reset();
}

std::vector<checkpoint::StateTensor> AdamW::state() const {
  std::vector<checkpoint::StateTensor> state;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Moments& moments = moments_[i];
    const auto shape = parameters_[i].value.sizes().vec();
    state.push_back({"adam_mean/" + parameters_[i].name, shape, moments.range.begin, moments.mean});
    state.push_back({"adam_square/" + parameters_[i].name, shape, moments.range.begin, moments.square});
  }
  if (ranks_.rank() == 0) state.push_back({"adam_updates", num_updates_.sizes().vec(), 0, num_updates_});
  return state;
}

}  // namespace molmo::train
