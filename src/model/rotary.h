// Rotary position embedding on pairs (i, i + A/2) of a head, angles and rotation in float32 (reference: RotaryEmbedding
// in olmo/model.py; arXiv:2104.09864).
#pragma once

#include <ATen/core/Tensor.h>

namespace molmo::model {

struct RotaryAngles {
  at::Tensor cos, sin;  // [B, 1, T, A / 2] float32
};

class Rotary {
 public:
  Rotary(double theta, int64_t head_dim, at::Device device);
  // position_ids: [B, T]. The positions of padding (-1) give some rotation; nothing looks at it.
  RotaryAngles angles(const at::Tensor& position_ids) const;

 private:
  at::Tensor frequencies_;  // [A / 2]
};

// x: [B, heads, T, A] -> same shape and type.
at::Tensor rotate(const at::Tensor& x, const RotaryAngles& angles);

}  // namespace molmo::model
