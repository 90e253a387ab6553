#include "model/moe.h"

#include <ATen/ops/bincount.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <fmt/format.h>

#include "model/mlp.h"

namespace molmo::model {

Moe::Expert::Expert(const WeightScope& scope, int64_t width, int64_t mlp_width)
    : gate_proj(scope, "gate_proj", mlp_width, width),
      up_proj(scope, "up_proj", mlp_width, width),
      down_proj(scope, "down_proj", width, mlp_width) {}

Moe::Moe(const WeightScope& block, const config::DecoderConfig& config)
    : group_(block.group()),
      num_active_(config.num_active_experts),
      router_(block, "ffn.router.layer", config.num_experts, config.width) {
  for (int64_t expert = 0; expert < config.num_experts; ++expert) {
    experts_.emplace_back(block.child(fmt::format("ffn.experts.{}", expert)), config.width,
                          group_.part_size(config.mlp_width));
  }
}

at::Tensor Moe::forward_all(Linear Expert::*layer, const at::Tensor& rows, at::IntArrayRef counts) const {
  std::vector<const Linear*> layers;
  for (const Expert& expert : experts_) layers.push_back(&(expert.*layer));
  return forward_grouped(layers, rows, counts);
}

at::Tensor Moe::forward(const at::Tensor& x,
                        const std::function<void(const at::Tensor& router_logits)>& on_router) const {
  const at::Tensor logits = router_.forward(x);
  if (on_router) on_router(logits);
  const at::Tensor rows = group_.spread(x).reshape({-1, x.size(-1)});
  const at::Tensor probabilities =
      at::softmax(logits.flatten(0, 1), -1, x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const auto [weights, chosen] = at::topk(probabilities, num_active_, -1);  // [N, k]

  // Token-expert pairs sorted by expert, so that each expert sees its tokens as one matrix.
  const at::Tensor order = chosen.flatten().argsort(/*stable=*/true, /*dim=*/0, /*descending=*/false);
  const at::Tensor token_of_pair = at::floor_divide(order, num_active_);
  const at::Tensor counted = at::bincount(chosen.flatten(), {}, static_cast<int64_t>(experts_.size())).cpu();
  const at::IntArrayRef counts(counted.const_data_ptr<int64_t>(), experts_.size());
  const at::Tensor of_pairs = rows.index_select(0, token_of_pair);
  const at::Tensor hidden =
      gate(forward_all(&Expert::gate_proj, of_pairs, counts), forward_all(&Expert::up_proj, of_pairs, counts));
  const at::Tensor outputs = forward_all(&Expert::down_proj, hidden, counts);
  const at::Tensor pairs = outputs.index_select(0, order.argsort()).view({rows.size(0), num_active_, x.size(-1)});
  // Each rank weighs its part of the outputs, so the weights' gradients are parts too.
  const at::Tensor own_weights = group_.spread(weights).to(x.scalar_type());
  return group_.sum(at::matmul(own_weights.unsqueeze(1), pairs).view(x.sizes()));
}

}  // namespace molmo::model
