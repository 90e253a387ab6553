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

void call(const std::function<void()>& hook) {
  if (hook) hook();
}

// The graph inside of the block, from x to y.
struct Graph : torch::CustomClassHolder {
  Block block;
  BlockHooks hooks;
  at::Tensor x, y;

  void run(const at::Tensor& input) {
    const at::AutoGradMode enable_grad(true);
    x = input.detach().set_requires_grad(input.requires_grad());
    y = block(x);
  }
};

struct Node : torch::autograd::Function<Node> {
  // `anchor` requires gradients, so that the block's weights get theirs where x itself needs none. Gradients are off in
  // here.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& /*anchor*/,
                            const c10::intrusive_ptr<Graph>& graph, bool recomputes) {
    context->saved_data["graph"] = c10::IValue::make_capsule(graph);
    call(graph->hooks.before_forward);
    at::Tensor y;
    if (recomputes) {
      context->save_for_backward({x});
      y = graph->block(x);
    } else {
      graph->run(x);
      y = graph->y.detach();
    }
    call(graph->hooks.after_forward);
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto graph = c10::static_intrusive_pointer_cast<Graph>(context->saved_data["graph"].toCapsule());
    call(graph->hooks.before_backward);
    if (!graph->y.defined()) graph->run(context->get_saved_variables()[0]);
    graph->y.backward(gradients[0]);
    const at::Tensor gradient = graph->x.grad();
    graph->x.reset();
    graph->y.reset();
    call(graph->hooks.after_backward);
    return {gradient, {}, {}, {}};
  }
};

}  // namespace

at::Tensor run_as_one_node(const Block& block, const at::Tensor& x, bool recomputes, const BlockHooks& hooks) {
  if (!at::GradMode::is_enabled()) {
    call(hooks.before_forward);
    const at::Tensor y = block(x);
    call(hooks.after_forward);
    return y;
  }
  const auto graph = c10::make_intrusive<Graph>();
  graph->block = block;
  graph->hooks = hooks;
  return Node::apply(x, at::empty({0}, at::kFloat).set_requires_grad(true), graph, recomputes);
}

}  // namespace molmo::train
