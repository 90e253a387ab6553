#include "model/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sin.h>

namespace molmo::model {

Rotary::Rotary(double theta, int64_t head_dim, at::Device device) {
  const at::Tensor exponents = at::arange(0, head_dim, 2, at::TensorOptions(at::kFloat)) / head_dim;
  frequencies_ = (1 / at::pow(at::Scalar(theta), exponents)).to(device);
}

RotaryAngles Rotary::angles(const at::Tensor& position_ids) const {
  const at::Tensor angles = (position_ids.to(at::kFloat).unsqueeze(-1) * frequencies_).unsqueeze(1);
  return {at::cos(angles), at::sin(angles)};
}

at::Tensor rotate(const at::Tensor& x, const RotaryAngles& angles) {
  const int64_t half = x.size(3) / 2;
  const at::Tensor first = x.narrow(3, 0, half), second = x.narrow(3, half, half);
  // 16-bit values become float32 in the product with the angles.
  return at::cat({first * angles.cos - second * angles.sin, second * angles.cos + first * angles.sin}, 3)
      .to(x.scalar_type());
}

}  // namespace molmo::model
