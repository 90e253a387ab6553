#include "model/moe.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>
#include <fmt/format.h>

#include <numeric>

#include "model/fused.h"

namespace molmo::model {
namespace {

// Token-expert pairs sorted by expert, so that each expert sees its tokens as one matrix; those of one expert stay in
// order. On the host, where the counts are needed anyway: the products' shapes depend on them.
struct SortedPairs {
  at::Tensor token_of_pair;  // [N k], of the sorted ones
  at::Tensor place_of_pair;  // [N k]: where each pair went
  // Those with pairs, for even a look at each of the others would be a miss of all caches, hundreds for every token.
  // While training all of them: the others get a gradient of zeros.
  std::vector<size_t> experts;
  std::vector<int64_t> counts;  // pairs of each of `experts`
};

// chosen: [N, k], experts of each token.
SortedPairs sort_by_expert(const at::Tensor& chosen, size_t num_experts) {
  const at::Tensor experts = chosen.cpu().contiguous();
  const int64_t num_pairs = experts.numel(), num_active = experts.size(1);
  const int64_t* expert_of_pair = experts.const_data_ptr<int64_t>();
  SortedPairs sorted{at::empty({num_pairs}, experts.options()), at::empty({num_pairs}, experts.options()), {}, {}};
  std::vector<int64_t> counts(num_experts), next(num_experts);
  for (int64_t pair = 0; pair < num_pairs; ++pair) ++counts[static_cast<size_t>(expert_of_pair[pair])];
  std::exclusive_scan(counts.begin(), counts.end(), next.begin(), int64_t{0});
  for (size_t expert = 0; expert < num_experts; ++expert) {
    if (counts[expert] == 0 && !at::GradMode::is_enabled()) continue;
    sorted.experts.push_back(expert);
    sorted.counts.push_back(counts[expert]);
  }
  int64_t* token_of_pair = sorted.token_of_pair.mutable_data_ptr<int64_t>();
  int64_t* place_of_pair = sorted.place_of_pair.mutable_data_ptr<int64_t>();
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    const int64_t place = next[static_cast<size_t>(expert_of_pair[pair])]++;
    token_of_pair[place] = pair / num_active;
    place_of_pair[pair] = place;
  }
  sorted.token_of_pair = sorted.token_of_pair.to(chosen.device());
  sorted.place_of_pair = sorted.place_of_pair.to(chosen.device());
  return sorted;
}

}  // namespace

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
  const at::Tensor probabilities =
      at::softmax(logits.flatten(0, 1), -1, x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const auto [weights, chosen] = at::topk(probabilities, num_active_, -1);  // [N, k]

  const auto [token_of_pair, place_of_pair, experts, counts] = sort_by_expert(chosen, experts_.size());
  const at::Tensor of_pairs = rows.index_select(0, token_of_pair);
  const at::Tensor hidden = gated(forward_all({&Expert::up_proj, &Expert::gate_proj}, experts, of_pairs, counts));
  const at::Tensor outputs = forward_all({&Expert::down_proj}, experts, hidden, counts);
  const at::Tensor pairs = outputs.index_select(0, place_of_pair).view({rows.size(0), num_active_, x.size(-1)});
  // Each rank weighs its part of the outputs, so the weights' gradients are parts too.
  const at::Tensor own_weights = group_.spread(weights).to(x.scalar_type());
  return group_.sum(at::matmul(own_weights.unsqueeze(1), pairs).view(x.sizes()));
}

}  // namespace molmo::model
