// molmo::frozen_linear(Tensor x, Tensor weight) -> Tensor: molmo::dense_linear for training what stands before it, with
// a weight that is not trained itself (low-rank updates of a 16-bit model). The backward pass reads the weight where it
// is, a block of its rows in float32 at a time: no converted copy is kept.
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

namespace molmo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kBlockValues = 1 << 22;  // of the weight that are float32 at once, 16 MB

struct FrozenLinear : torch::autograd::Function<FrozenLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("molmo::dense_linear", "")
                               .typed<Tensor(const Tensor&, const Tensor&)>();
    context->save_for_backward({weight});
    return op.call(x.detach(), weight);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor weight = context->get_saved_variables()[0];
    const int64_t num_rows = weight.size(0), width = weight.size(1);
    const Tensor dy = gradients[0].reshape({-1, num_rows});
    const Tensor dx = at::zeros({dy.size(0), width}, dy.options());
    const int64_t step = std::max<int64_t>(1, kBlockValues / std::max<int64_t>(1, width));
    for (int64_t row = 0; row < num_rows; row += step) {
      const int64_t count = std::min(step, num_rows - row);
      dx.addmm_(dy.narrow(1, row, count), weight.narrow(0, row, count).to(dy.scalar_type()));
    }
    auto sizes = gradients[0].sizes().vec();
    sizes.back() = width;
    return {dx.view(sizes), Tensor()};
  }
};

Tensor frozen_linear(const Tensor& x, const Tensor& weight) {
  return FrozenLinear::apply(x, weight);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("frozen_linear(Tensor x, Tensor weight) -> Tensor", frozen_linear);
}

}  // namespace molmo::kernels
