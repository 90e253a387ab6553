#include "quantize/input_statistics.h"

#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/zeros.h>

#include "base/error.h"

namespace molmo::quantize {
namespace {

// Of the mean square of all columns, added to that of each: a column that was never seen may matter all the same, and
// inputs that go together exactly have no inverse.
constexpr double kDamping = 0.01;

std::vector<float> to_vector(const at::Tensor& values) {
  const at::Tensor floats = values.to(at::kFloat).contiguous();
  const float* data = floats.const_data_ptr<float>();
  return {data, data + floats.numel()};
}

}  // namespace

InputRecorder::InputRecorder(const model::Weights& weights) {
  for (const auto& [name, weight] : weights) {
    if (weight.dim() != 2 || name.starts_with("transformer.wte.")) continue;
    names_.emplace(weight.unsafeGetTensorImpl(), name);
    kept_.emplace(name, weight);
  }
}

model::InputObserver InputRecorder::observer() {
  return [this](const at::Tensor& weight, const at::Tensor& x) { record(weight, x); };
}

void InputRecorder::record(const at::Tensor& weight, const at::Tensor& x) {
  const auto named = names_.find(weight.unsafeGetTensorImpl());
  if (named == names_.end()) return;
  const std::string& name = named->second;
  const int64_t width = x.size(-1);
  const at::Tensor rows = x.detach().reshape({-1, width}).to(at::kFloat).cpu();
  const int64_t size = name.find(".ffn.experts.") == std::string::npos ? kFeedbackBlock : 1;
  const int64_t num_blocks = (width + size - 1) / size;
  at::Tensor& products = statistics_[name];
  if (!products.defined()) products = at::zeros({num_blocks, size, size}, at::kFloat);
  if (size == 1) {
    products.view({width}).add_(rows.square().sum(0));
    return;
  }
  const at::Tensor padded = at::constant_pad_nd(rows, {0, num_blocks * size - width});
  const at::Tensor blocks = padded.view({-1, num_blocks, size}).permute({1, 0, 2});  // [blocks, tokens, size]
  products.baddbmm_(blocks.transpose(1, 2), blocks);
}

ErrorFeedback make_feedback(const at::Tensor& products, int64_t in_features) {
  const at::Tensor hessian = products.to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
  at::Tensor diagonal = hessian.diagonal(0, 1, 2);  // a view
  const double damping = kDamping * diagonal.sum().item<double>() / static_cast<double>(in_features);
  if (damping == 0) return {};
  diagonal.add_(damping);
  if (products.size(1) == 1) return {{}, to_vector(diagonal.flatten())};
  check_internal(products.size(1) == kFeedbackBlock, "products in blocks of the size that feedback has");
  const at::Tensor upper =
      at::linalg_cholesky(at::cholesky_inverse(at::linalg_cholesky(hessian)), /*upper=*/true);  // U^T U = H^-1
  const at::Tensor pivots = upper.diagonal(0, 1, 2);                                            // [blocks, 512]
  return {to_vector(upper.div(pivots.unsqueeze(-1)).triu(1)),
          to_vector(pivots.pow(-2).flatten().narrow(0, 0, in_features))};
}

}  // namespace molmo::quantize
