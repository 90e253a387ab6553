#include "model/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include <algorithm>

#include "kernels/cpu_dispatch.h"
#include "model/input_observer.h"
#include "model/linear_meter.h"

namespace molmo::model {
namespace {

bool is_half(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBFloat16 || tensor.scalar_type() == at::kHalf;
}

// The kernel reads whole rows. Transposed views (experts of native checkpoints) are laid out anew, once.
Matrix readable_by_kernel(const Matrix& matrix) {
  const at::Tensor& weight = matrix.tensor();
  const bool has_gaps = weight.size(1) > 1 && weight.stride(1) != 1;
  if (!weight.is_cpu() || !is_half(weight) || !has_gaps || weight.requires_grad()) return matrix;
  return Matrix(weight.contiguous());
}

// x: [..., in] float32, weight: [out, in] of 16 bits without gradients, both on the CPU.
at::Tensor half_weight_linear(const at::Tensor& x, const at::Tensor& weight) {
  const auto find = [](const char* name) {
    return c10::Dispatcher::singleton()
        .findSchemaOrThrow(name, "")
        .typed<at::Tensor(const at::Tensor&, const at::Tensor&)>();
  };
  static const auto without_gradients = find("molmo::dense_linear"), with_gradients = find("molmo::frozen_linear");
  return (at::GradMode::is_enabled() && x.requires_grad() ? with_gradients : without_gradients).call(x, weight);
}

// float32 on the CPU. Which library multiplies follows from shapes alone: what is computed again has the same bits.
at::Tensor float_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  constexpr int64_t kFewRows = 128;  // that do not repay laying out the weight
  const bool has_few_rows = x.numel() < kFewRows * x.size(-1);
  if (kernels::float_products() == kernels::FloatProducts::Mkl || has_few_rows) return at::linear(x, weight, bias);
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("molmo::onednn_linear", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&)>();
  return op.call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

at::Tensor dense_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const MeteredProduct metered(x, weight.size(0), weight.nbytes());
  const at::Tensor own_bias = bias.defined() ? bias.to(x.scalar_type()) : bias;
  const bool trains_weight = at::GradMode::is_enabled() && weight.requires_grad();
  const bool is_float = x.is_cpu() && x.scalar_type() == at::kFloat;
  if (is_float && weight.scalar_type() == at::kFloat) return float_linear(x, weight, own_bias);
  if (trains_weight || !is_float || !is_half(weight)) return at::linear(x, weight.to(x.scalar_type()), own_bias);
  const at::Tensor y = half_weight_linear(x, weight);
  return own_bias.defined() ? y + own_bias : y;
}

// x: [..., in] float32 on the CPU, without gradients.
at::Tensor packed_linear(const at::Tensor& x, const Matrix& weight, const at::Tensor& bias) {
  const MeteredProduct metered(x, weight.out(), weight.tensor().nbytes());
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("molmo::packed_linear", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, int64_t)>();
  return op.call(x, weight.tensor(), bias.defined() ? std::optional(bias) : std::nullopt, weight.out());
}

at::Tensor multiply(const at::Tensor& x, const Matrix& weight, const at::Tensor& bias) {
  if (weight.is_packed()) return packed_linear(x, weight, bias);
  if (!weight.int4()) return dense_linear(x, weight.tensor(), bias);
  const at::Tensor y = int4_linear(x, *weight.int4(), weight.out());
  return bias.defined() ? y + bias.to(y.scalar_type()) : y;
}

}  // namespace

Linear::Linear(const WeightScope& scope, std::string_view name, int64_t out, int64_t in, Bias bias) {
  const WeightScope own = scope.child(name);
  weight_ = readable_by_kernel(own.get_matrix("weight", out, in));
  if (bias == Bias::Yes) bias_ = own.get_small("bias", {out});
  if (const LowRankUpdate* update = own.update("weight", out, in)) update_ = *update;
}

Linear::Linear(Matrix weight) : weight_(readable_by_kernel(weight)) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  ObserveInputs::tell(weight_.tensor(), x);
  const at::Tensor y = multiply(x, weight_, bias_);
  if (!update_) return y;
  return y + update_->scale * dense_linear(dense_linear(x, update_->a, {}), update_->b, {});
}

bool Linear::is_trained() const {
  return weight_.tensor().requires_grad() || (update_ && update_->a.requires_grad());
}

std::vector<at::Tensor> forward_together(std::initializer_list<const Linear*> layers, const at::Tensor& x) {
  std::vector<at::Tensor> weights, biases, outputs;
  for (const Linear* layer : layers) {
    if (!layer->weight_.tensor().requires_grad() || !layer->bias_.defined() || layer->update_) continue;
    weights.push_back(layer->weight_.tensor());
    biases.push_back(layer->bias_);
  }
  if (weights.size() < layers.size()) {
    for (const Linear* layer : layers) outputs.push_back(layer->forward(x));
    return outputs;
  }
  return dense_linear(x, at::cat(weights), at::cat(biases)).chunk(static_cast<int64_t>(layers.size()), -1);
}

at::Tensor forward_grouped(const std::vector<const Linear*>& layers, const at::Tensor& rows, at::IntArrayRef counts) {
  const size_t num_sets = layers.size() / counts.size();
  const bool is_packed =
      std::ranges::all_of(layers, [](const Linear* layer) { return layer->weight_.is_packed() && !layer->update_; });
  if (is_packed) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("molmo::packed_linear_grouped", "")
                               .typed<at::Tensor(const at::Tensor&, at::TensorList, at::IntArrayRef, int64_t)>();
    std::vector<at::Tensor> weights;
    weights.reserve(layers.size());
    size_t bytes_read = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      weights.push_back(layers[i]->weight_.tensor());
      if (counts[i % counts.size()] > 0) bytes_read += weights.back().nbytes();
    }
    const int64_t out = layers.front()->weight_.out();
    const MeteredProduct metered(rows, static_cast<int64_t>(num_sets) * out, bytes_read);
    return op.call(rows, weights, counts, out);
  }
  std::vector<at::Tensor> sets;
  for (size_t set = 0; set < num_sets; ++set) {
    std::vector<at::Tensor> outputs;
    int64_t start = 0;
    for (size_t i = 0; i < counts.size(); start += counts[i], ++i) {
      const Linear& layer = *layers[set * counts.size() + i];
      if (counts[i] == 0 && !layer.is_trained()) continue;
      outputs.push_back(layer.forward(rows.narrow(0, start, counts[i])));
    }
    sets.push_back(outputs.empty() ? rows.new_empty({0, layers.front()->weight_.out()}) : at::cat(outputs));
  }
  return num_sets == 1 ? sets[0] : at::cat(sets, 1);
}

}  // namespace molmo::model
