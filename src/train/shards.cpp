#include "train/shards.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "base/error.h"
#include "train/recompute.h"

namespace molmo::train {
namespace {

// Elements. Parameters begin at whole cache lines, as allocated ones do.
constexpr int64_t kAlignment = 16;

int64_t align(int64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

// Views of the tensor stay what they are, and see the memory again once it is back.
void set_memory(const at::Tensor& tensor, bool has_memory) {
  const c10::Storage& storage = tensor.storage();
  const size_t num_bytes = has_memory ? static_cast<size_t>(tensor.numel()) * tensor.element_size() : 0;
  storage.set_data_ptr_noswap(storage.allocator()->allocate(num_bytes));
  storage.set_nbytes(num_bytes);
}

}  // namespace

Shards::Shards(std::span<Parameter> parameters, std::span<Parameter> frozen, const Ranks& ranks)
    : parameters_(parameters),
      ranks_(ranks),
      parts_(parameters.size()),
      unit_of_(parameters.size()),
      in_own_(parameters.size()),
      has_gradient_(parameters.size()) {
  const at::NoGradGuard no_grad;
  if (is_alone()) {
    for (size_t i = 0; i < parameters.size(); ++i) parts_[i] = {0, parameters[i].value.detach().view(-1)};
    return;
  }
  // By block, then what is trained, then the others by type.
  using Key = std::tuple<int64_t, int, bool>;
  const auto key_of = [](const Parameter& parameter, int type) {
    return Key{block_of(parameter.name), type, !parameter.slice.is_whole()};
  };
  std::map<Key, std::vector<Member>> groups{{{-1, -1, false}, {}}};
  for (size_t i = 0; i < parameters.size(); ++i) groups[key_of(parameters[i], -1)].push_back({&parameters[i], i});
  for (Parameter& parameter : frozen)
    groups[key_of(parameter, static_cast<int>(parameter.value.scalar_type()))].push_back({&parameter});
  of_block_.resize(static_cast<size_t>(std::get<0>(groups.rbegin()->first) + 1));
  for (auto& [key, members] : groups) {
    const auto [block, type, is_sliced] = key;
    check_internal(block >= 0 || type < 0, "what is not trained is spread in blocks only");
    if (block >= 0) {
      auto& [first, count] = of_block_[static_cast<size_t>(block)];
      if (count++ == 0) first = units_.size();
    }
    Unit& unit = units_.emplace_back();
    unit.is_block = block >= 0;
    unit.is_trained = type < 0;
    unit.is_sliced = is_sliced;
    unit.members = std::move(members);
    lay_out(unit);
  }
}

void Shards::lay_out(Unit& unit) {
  if (unit.members.empty()) return;
  int64_t size = 0;
  for (Member& member : unit.members) {
    member.offset = size;
    size += align(member.parameter->value.numel());
  }
  const int64_t num_shards = ranks_.shards->num_ranks(), share = align((size + num_shards - 1) / num_shards);
  const auto options = unit.members[0].parameter->value.options().requires_grad(false);
  unit.whole = at::zeros({num_shards * share}, options);
  for (const Member& member : unit.members) {
    Parameter& parameter = *member.parameter;
    const at::Tensor view = unit.whole.narrow(0, member.offset, parameter.value.numel()).view(parameter.value.sizes());
    view.copy_(parameter.initial.defined() ? parameter.slice.take(parameter.initial) : parameter.value.detach());
    parameter.initial.reset();
    parameter.value.set_data(view);
  }
  unit.own = unit.whole.narrow(0, ranks_.shards->rank() * share, share);
  if (is_sharded()) unit.own = unit.own.clone();
  if (unit.is_trained) {
    for (const Member& member : unit.members) place_part(unit, member);
  }
  close(unit);
}

void Shards::place_part(const Unit& unit, const Member& member) {
  const int64_t own_begin = ranks_.shards->rank() * unit.own.numel(), own_end = own_begin + unit.own.numel();
  const int64_t first = member.offset, last = first + member.parameter->value.numel();
  const int64_t begin = std::clamp(own_begin, first, last), end = std::clamp(own_end, first, last);
  const int64_t in_own = begin == end ? 0 : begin - own_begin;
  unit_of_[member.index] = static_cast<size_t>(&unit - units_.data());
  in_own_[member.index] = in_own;
  parts_[member.index] = {begin - first, unit.own.narrow(0, in_own, end - begin)};
}

std::span<Shards::Unit> Shards::units_of_block(int64_t layer) {
  if (!is_sharded() || layer < 0 || layer >= static_cast<int64_t>(of_block_.size())) return {};
  const auto [first, count] = of_block_[static_cast<size_t>(layer)];
  return std::span(units_).subspan(first, count);
}

void Shards::start_gather(Unit& unit) {
  if (unit.is_whole) return;
  set_memory(unit.whole, true);
  unit.gathering = ranks_.shards->gather(unit.whole, unit.own);
  unit.is_whole = true;
}

// While this block is computed, the values of the next one are on their way.
void Shards::open(int64_t layer, int64_t next_layer) {
  for (Unit& unit : units_of_block(layer)) start_gather(unit);
  for (Unit& unit : units_of_block(layer)) unit.gathering.wait();
  for (Unit& unit : units_of_block(next_layer)) start_gather(unit);
}

void Shards::close(Unit& unit) {
  if (!is_sharded() || !unit.is_block || !unit.is_whole) return;
  unit.gathering.wait();
  set_memory(unit.whole, false);
  unit.is_whole = false;
}

void Shards::close_block(int64_t layer) {
  for (Unit& unit : units_of_block(layer)) close(unit);
}

at::Tensor Shards::run_block(int64_t layer, const std::function<at::Tensor(const at::Tensor&)>& block,
                             const at::Tensor& x, bool recomputes) {
  if (units_of_block(layer).empty()) return recomputes ? recompute_in_backward(block, x) : block(x);
  // The backward pass begins where the forward pass ends.
  const bool stays_open = at::GradMode::is_enabled() && units_of_block(layer + 1).empty();
  BlockHooks hooks;
  hooks.before_forward = [=, this] { open(layer, layer + 1); };
  hooks.after_forward = [=, this] {
    if (!stays_open) close_block(layer);
  };
  hooks.before_backward = [=, this] { open(layer, layer - 1); };
  hooks.after_backward = [=, this] {
    for (Unit& unit : units_of_block(layer)) collect_gradients(unit);
    close_block(layer);
  };
  return run_as_one_node(block, x, recomputes, hooks);
}

bool Shards::finds_same_gradient(const Parameter& parameter) const {
  return ranks_.tensor->num_ranks() > 1 && parameter.slice.is_whole() && !parameter.has_gradient_in_parts;
}

void Shards::collect_gradients(Unit& unit) {
  if (!unit.is_trained) return;
  const at::NoGradGuard no_grad;
  const at::Tensor gradients = at::zeros(unit.whole.sizes(), unit.own.options());
  for (const Member& member : unit.members) {
    at::Tensor& gradient = member.parameter->value.mutable_grad();
    if (!gradient.defined()) continue;
    const at::Tensor place = gradients.narrow(0, member.offset, gradient.numel()).view(gradient.sizes());
    place.copy_(gradient);
    if (finds_same_gradient(*member.parameter)) place.div_(static_cast<double>(ranks_.tensor->num_ranks()));
    gradient.reset();
    has_gradient_[member.index] = 1;
  }
  if (!is_sharded()) {
    unit.gradient = gradients;
    return;
  }
  const at::Tensor own = at::empty(unit.own.sizes(), unit.own.options());
  ranks_.shards->scatter_sum(own, gradients).wait();
  unit.gradient = unit.gradient.defined() ? unit.gradient.add_(own) : own;
}

void Shards::sum_gradients() {
  const at::NoGradGuard no_grad;
  if (is_alone()) {
    for (const Parameter& parameter : parameters_) {
      at::Tensor& gradient = parameter.value.mutable_grad();
      if (gradient.defined() && !gradient.is_contiguous()) gradient = gradient.contiguous();
    }
    return;
  }
  for (Unit& unit : units_) {
    if (unit.members.empty() || !unit.is_trained) continue;
    if (!is_sharded() || !unit.is_block) collect_gradients(unit);
    if (!unit.gradient.defined()) continue;
    ranks_.replicas->sum(unit.gradient);
    if (!unit.is_sliced) ranks_.tensor->sum(unit.gradient);
  }
  ranks_.data->sum(has_gradient_);
}

at::Tensor Shards::gradient(size_t parameter) const {
  if (is_alone()) {
    const at::Tensor& whole = parameters_[parameter].value.grad();
    return whole.defined() ? whole.view(-1) : whole;
  }
  const Unit& unit = units_[unit_of_[parameter]];
  if (has_gradient_[parameter] == 0 || !unit.gradient.defined()) return {};
  return unit.gradient.narrow(0, in_own_[parameter], parts_[parameter].value.numel());
}

void Shards::drop_gradients() {
  for (const Parameter& parameter : parameters_) parameter.value.mutable_grad().reset();
  for (Unit& unit : units_) unit.gradient.reset();
  std::ranges::fill(has_gradient_, 0.0);
}

void Shards::finish_update() {
  if (!is_sharded()) return;
  const at::NoGradGuard no_grad;
  for (Unit& unit : units_) {
    if (unit.is_block) {
      close(unit);
    } else if (!unit.members.empty()) {
      ranks_.shards->gather(unit.whole, unit.own).wait();
    }
  }
}

void Shards::visit_whole(const std::function<void(const Parameter&)>& visit) {
  if (is_alone()) {
    for (const Parameter& parameter : parameters_) visit(parameter);
    return;
  }
  for (Unit& unit : units_) {
    start_gather(unit);
    unit.gathering.wait();
    for (const Member& member : unit.members) visit(*member.parameter);
    close(unit);
  }
}

}  // namespace molmo::train
