#include "model/tensor_group.h"

#include <torch/csrc/autograd/custom_function.h>

namespace molmo::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Collective : torch::CustomClassHolder {
  explicit Collective(std::shared_ptr<const TensorGroup::Sum> add_up) : sum(std::move(add_up)) {}

  at::Tensor operator()(const at::Tensor& x) const {
    at::Tensor total = x.clone(at::MemoryFormat::Contiguous);
    (*sum)(total);
    return total;
  }

  std::shared_ptr<const TensorGroup::Sum> sum;
};

struct SumOfGradients : torch::autograd::Function<SumOfGradients> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const c10::intrusive_ptr<Collective>& sum) {
    context->saved_data["sum"] = c10::IValue::make_capsule(sum);
    return x.detach();
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto sum = c10::static_intrusive_pointer_cast<Collective>(context->saved_data["sum"].toCapsule());
    return {(*sum)(gradients[0]), {}};
  }
};

struct SumOfValues : torch::autograd::Function<SumOfValues> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, const c10::intrusive_ptr<Collective>& sum) {
    return (*sum)(x);
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) { return {gradients[0], {}}; }
};

}  // namespace

TensorGroup::TensorGroup(int64_t rank, int64_t num_ranks, Sum sum)
    : rank_(rank), num_ranks_(num_ranks), sum_(std::make_shared<const Sum>(std::move(sum))) {}

Range TensorGroup::part(int64_t count) const {
  return {count * rank_ / num_ranks_, count * (rank_ + 1) / num_ranks_};
}

int64_t TensorGroup::part_size(int64_t count) const {
  const auto [begin, end] = part(count);
  return end - begin;
}

at::Tensor TensorGroup::spread(const at::Tensor& x) const {
  return is_alone() ? x : SumOfGradients::apply(x, c10::make_intrusive<Collective>(sum_));
}

at::Tensor TensorGroup::sum(const at::Tensor& x) const {
  return is_alone() ? x : SumOfValues::apply(x, c10::make_intrusive<Collective>(sum_));
}

}  // namespace molmo::model
