// molmo::onednn_linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor: y = W x + b, float32 on the CPU, with
// gradients; x [..., I], weight [O, I], bias [O] -> [..., O]. What at::linear does with MKL, for processors to which
// MKL gives AVX2 only (cpu_dispatch.h): oneDNN, which libtorch carries too, reaches twice as much there. Where autocast
// asks for 16 bits it is at::linear.
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace molmo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

using Signature = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view,
                         c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

constexpr int64_t kMostValues = 1 << 22;  // of a weight that oneDNN lays out anew at once, 16 MB

// a b^T (+ bias), a [M, K] contiguous, b [N, K] with any strides.
Tensor product_of_block(const Tensor& a, const Tensor& b, const std::optional<Tensor>& bias) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Signature>();
  return op.call(a, b, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

Tensor product(const Tensor& a, const Tensor& b, const std::optional<Tensor>& bias = std::nullopt) {
  if (b.numel() <= kMostValues) return product_of_block(a, b, bias);
  const Tensor result = at::empty({a.size(0), b.size(0)}, a.options());
  const int64_t step = std::max<int64_t>(1, kMostValues / b.size(1));
  for (int64_t first = 0; first < b.size(0); first += step) {
    const int64_t count = std::min(step, b.size(0) - first);
    const auto block_bias = bias ? std::optional(bias->narrow(0, first, count)) : std::nullopt;
    // Without gaps, at which oneDNN takes code that is hundreds of times slower.
    const Tensor block = b.narrow(0, first, count).contiguous();
    result.narrow(1, first, count).copy_(product_of_block(a, block, block_bias));
  }
  return result;
}

// dy^T x [O, I], dy [M, O] and x [M, I]. One side is laid out anew: dy, or x and then the result too.
Tensor weight_gradient(const Tensor& dy, const Tensor& x) {
  const int64_t num_rows = dy.size(0), out = dy.size(1), in = x.size(1);
  if (num_rows * out <= num_rows * in + out * in) return product(dy.t().contiguous(), x.t());
  return product(x.t().contiguous(), dy.t()).t().contiguous();
}

struct OneDnnLinear : torch::autograd::Function<OneDnnLinear> {
  // x: [M, I], contiguous.
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const std::optional<Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["has_bias"] = bias.has_value();
    return product(x.detach(), weight.detach(), bias ? std::optional(bias->detach()) : std::nullopt);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor x = saved[0].detach(), weight = saved[1].detach(), dy = gradients[0].contiguous();
    Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = product(dy, weight.t());
    if (context->needs_input_grad(1)) dweight = weight_gradient(dy, x);
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) dbias = dy.sum(0);
    return {dx, dweight, dbias};
  }
};

Tensor onednn_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  const bool is_rounded = at::autocast::is_autocast_enabled(at::kCPU);  // to 16 bits, by at::linear
  if (is_rounded || x.numel() == 0) return at::linear(x, weight, bias);
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  return OneDnnLinear::apply(x.reshape({-1, x.size(-1)}).contiguous(), weight, bias).view(sizes);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("onednn_linear(Tensor x, Tensor weight, Tensor? bias) -> Tensor", onednn_linear);
}

}  // namespace molmo::kernels
