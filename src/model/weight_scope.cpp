#include "model/weight_scope.h"

#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::model {
namespace {

void check_shape(const std::string& what, const at::Tensor& tensor, at::IntArrayRef expected) {
  if (tensor.sizes() == expected) return;
  fail(ErrorCategory::InvalidArgument,
       "{} is [{}], the configuration wants [{}]. Hint: is this the configuration of another model?", what,
       fmt::join(tensor.sizes(), ", "), fmt::join(expected, ", "));
}

template <class Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : map) names.push_back(name);
  return names;
}

}  // namespace

at::ScalarType activation_type(const at::Tensor& weight) {
  if (!weight.is_cpu() || weight.scalar_type() == at::kDouble) return weight.scalar_type();
  return at::kFloat;
}

WeightScope::WeightScope(const Weights& weights, const Adapter& adapter, const TensorGroup* group)
    : WeightScope(weights, adapter, group, "") {
  for (const auto& [name, unused] : adapter.updates) {
    if (!weights.contains(name)) {
      fail(ErrorCategory::InvalidArgument, "adapter for '{}': the model has no such weight.{}", name,
           did_you_mean(name, names_of(weights)));
    }
  }
}

WeightScope::WeightScope(const Weights& weights, const Adapter& adapter, const TensorGroup* group, std::string prefix)
    : weights_(&weights), adapter_(&adapter), group_(group), prefix_(std::move(prefix)) {}

WeightScope WeightScope::child(std::string_view name) const {
  return WeightScope(*weights_, *adapter_, group_, full_name(name) + ".");
}

std::string WeightScope::full_name(std::string_view name) const {
  return prefix_ + std::string(name);
}

const at::Tensor& WeightScope::find(const std::string& name, at::IntArrayRef shape) const {
  const auto found = weights_->find(name);
  if (found != weights_->end() && found->second.defined()) return found->second;
  fail(ErrorCategory::InvalidArgument, "weight '{}' is missing, the configuration wants [{}].{}", name,
       fmt::join(shape, ", "), did_you_mean(name, names_of(*weights_)));
}

at::Tensor WeightScope::get(std::string_view name, at::IntArrayRef shape) const {
  const std::string full = full_name(name);
  const at::Tensor& weight = find(full, shape);
  check_shape(fmt::format("weight '{}'", full), weight, shape);
  if (!weight.is_floating_point()) {
    fail(ErrorCategory::InvalidArgument, "weight '{}' has type {}, expected a floating point type", full,
         c10::toString(weight.scalar_type()));
  }
  return weight;
}

Matrix WeightScope::get_matrix(std::string_view name, int64_t out, int64_t in, MatrixUse use) const {
  const std::string full = full_name(name);
  const at::Tensor& weight = find(full, {out, in});
  if (weight.scalar_type() != at::kByte) return Matrix(get(name, {out, in}));
  return Matrix::packed(weight, out, in, fmt::format("weight '{}'", full), use);
}

at::Tensor WeightScope::get_small(std::string_view name, at::IntArrayRef shape) const {
  const at::Tensor weight = get(name, shape);
  return weight.requires_grad() ? weight : weight.to(activation_type(weight));
}

const LowRankUpdate* WeightScope::update(std::string_view name, int64_t out, int64_t in) const {
  const std::string full = full_name(name);
  const auto found = adapter_->updates.find(full);
  if (found == adapter_->updates.end()) return nullptr;
  const LowRankUpdate& update = found->second;
  const int64_t rank = update.a.dim() == 2 ? update.a.size(0) : 0;
  check_shape(fmt::format("adapter matrix A for '{}'", full), update.a, {rank, in});
  check_shape(fmt::format("adapter matrix B for '{}'", full), update.b, {out, rank});
  return &update;
}

}  // namespace molmo::model
