#include "model/mlp.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor_split.h>

#include <vector>

#include "model/fused.h"

namespace molmo::model {
namespace {

// What lies between two products of the largest models is up to 58 MB in float32 then: more comes fresh from the system
// each time, and its pages must be cleared.
constexpr int64_t kMaxRows = 384;

}  // namespace

at::Tensor gate(const at::Tensor& gate, const at::Tensor& up) {
  return at::silu(gate) * up;
}

at::Tensor in_row_blocks(const at::Tensor& x, bool is_trained,
                         const std::function<at::Tensor(const at::Tensor& rows)>& function) {
  const int64_t width = x.size(-1), num_rows = width == 0 ? 0 : x.numel() / width;
  if (is_trained || num_rows <= kMaxRows) return function(x);
  std::vector<at::Tensor> blocks;
  for (const at::Tensor& rows : at::tensor_split(x.reshape({num_rows, width}), (num_rows + kMaxRows - 1) / kMaxRows))
    blocks.push_back(function(rows));
  at::DimVector sizes(x.sizes());
  sizes.back() = blocks[0].size(-1);
  return at::cat(blocks).view(sizes);
}

Mlp::Mlp(const WeightScope& block, const config::DecoderConfig& config)
    : group_(block.group()),
      up_gate_(block, "ff_proj", 2 * group_.part_size(config.mlp_width), config.width),
      down_(block, "ff_out", config.width, group_.part_size(config.mlp_width)) {}

at::Tensor Mlp::forward(const at::Tensor& x) const {
  return group_.sum(in_row_blocks(group_.spread(x), up_gate_.is_trained(), [this](const at::Tensor& rows) {
    return down_.forward(gated(up_gate_.forward(rows)));
  }));
}

}  // namespace molmo::model
