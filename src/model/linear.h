// y = W x + b, the only layer that multiplies: with a dense weight in any floating point type or a packed one, with or
// without an adapter. A 16-bit weight on the CPU is never converted as a whole: a block of its rows at a time becomes
// float32, so that memory stays bounded and the result is that of float32 arithmetic on the rounded weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "model/adapter.h"
#include "model/matrix.h"
#include "model/weight_scope.h"

namespace molmo::model {

enum class Bias { No, Yes };

class Linear {
 public:
  // Takes "<name>.weight" [out, in] and, if asked, "<name>.bias" [out].
  Linear(const WeightScope& scope, std::string_view name, int64_t out, int64_t in, Bias bias = Bias::No);
  // A head that shares its weight [out, in] with an embedding.
  explicit Linear(Matrix weight);

  // x: [..., in] -> [..., out], in the type of x.
  at::Tensor forward(const at::Tensor& x) const;

  bool is_packed() const { return weight_.is_packed(); }
  // Whether the weight, or its update, gets gradients.
  bool is_trained() const;

 private:
  Matrix weight_;
  at::Tensor bias_;  // undefined without
  std::optional<LowRankUpdate> update_;

  friend std::vector<at::Tensor> forward_together(std::initializer_list<const Linear*> layers, const at::Tensor& x);
  friend at::Tensor forward_grouped(const std::vector<const Linear*>& layers, const at::Tensor& rows,
                                    at::IntArrayRef counts);
};

// Layers with biases and of one output width on the same input. Where all of them are trained it is one product, which
// reads x and adds up its gradient once; else each layer reads its own weight in place.
std::vector<at::Tensor> forward_together(std::initializer_list<const Linear*> layers, const at::Tensor& x);

// Layers of one shape and without biases, the same one of every expert, on rows [N, in] that are sorted by layer:
// counts[i] of them for layers[i] -> [N, out]. With S times as many layers as counts (S layers of every expert, set
// after set) -> [N, S out], side by side. Packed ones at once, the threads share all; weights without rows are not
// touched, but a layer that is trained takes part with no rows, so that its gradient is zero instead of missing.
at::Tensor forward_grouped(const std::vector<const Linear*>& layers, const at::Tensor& rows, at::IntArrayRef counts);

}  // namespace molmo::model
