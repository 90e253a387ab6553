#include "model/moe.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "model/fused.h"

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

at::Tensor Moe::forward_all(std::initializer_list<Linear Expert::*> sets, const std::vector<size_t>& experts,
                            const at::Tensor& rows, at::IntArrayRef counts) const {
  std::vector<const Linear*> layers;
  layers.reserve(sets.size() * experts.size());
  for (const auto layer : sets) {
    for (const size_t expert : experts) layers.push_back(&(experts_[expert].*layer));
  }
  return forward_grouped(layers, rows, counts);
}

at::Tensor Moe::forward(const at::Tensor& x,
                        const std::function<void(const at::Tensor& router_logits)>& on_router) const {
  if (x.numel() == 0) return x;
  const at::Tensor logits = router_.forward(x);
  if (on_router) on_router(logits);
  const at::Tensor rows = group_.spread(x).reshape({-1, x.size(-1)});
  const bool is_packed = experts_.front().up_proj.is_packed();
  const Routing routing = route(logits.flatten(0, 1), num_active_, is_packed);
  // Those with tokens, for even a look at each of the others would be a miss of all caches, hundreds for every token.
  // While training all of them: the others get a gradient of zeros.
  std::vector<size_t> experts;
  std::vector<int64_t> counts;
  for (size_t expert = 0; expert < experts_.size(); ++expert) {
    if (routing.counts[expert] == 0 && !at::GradMode::is_enabled()) continue;
    experts.push_back(expert);
    counts.push_back(routing.counts[expert]);
  }
  const at::Tensor of_pairs = rows.index_select(0, routing.token_of_pair);
  const at::Tensor hidden = gated(forward_all({&Expert::up_proj, &Expert::gate_proj}, experts, of_pairs, counts));
  const at::Tensor outputs = forward_all({&Expert::down_proj}, experts, hidden, counts);
  // Each rank weighs its part of the outputs, so the weights' gradients are parts too.
  const at::Tensor own_weights = group_.spread(routing.weights).to(x.scalar_type());
  return group_.sum(weighted_sum(outputs, routing.place_of_pair, own_weights, is_packed).view(x.sizes()));
}

}  // namespace molmo::model
