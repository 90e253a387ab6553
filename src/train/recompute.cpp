#include "train/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

namespace molmo::train {
namespace {

using Block = std::function<at::Tensor(const at::Tensor&)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct BlockHolder : torch::CustomClassHolder {
  explicit BlockHolder(Block function) : block(std::move(function)) {}
  Block block;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  // `anchor` requires gradients, so that the block's weights get theirs where x itself needs none.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& /*anchor*/,
                            const Block& block) {
    context->save_for_backward({x});
    context->saved_data["block"] = c10::IValue::make_capsule(c10::make_intrusive<BlockHolder>(block));
    return block(x);  // gradients are off in here
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto holder = c10::static_intrusive_pointer_cast<BlockHolder>(context->saved_data["block"].toCapsule());
    const at::Tensor saved = context->get_saved_variables()[0];
    const at::Tensor x = saved.detach().set_requires_grad(saved.requires_grad());
    at::Tensor y;
    {
      const at::AutoGradMode enable_grad(true);
      y = holder->block(x);
    }
    y.backward(gradients[0]);
    return {x.grad(), {}, {}};
  }
};

}  // namespace

at::Tensor recompute_in_backward(const Block& block, const at::Tensor& x) {
  if (!at::GradMode::is_enabled()) return block(x);
  return Recomputed::apply(x, at::empty({0}, at::kFloat).set_requires_grad(true), block);
}

}  // namespace molmo::train
