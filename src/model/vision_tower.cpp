#include "model/vision_tower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/fused.h"
#include "model/position_table.h"

namespace molmo::model {
namespace {

// One crop of ViT-L has enough rows to keep every core busy, and its activations stay in the cache: 13 crops take a
// third longer when they go through the tower together, and 400 MB more. Of smaller towers as many crops go together as
// have the same number of hidden values.
constexpr int64_t kHiddenValuesAtOnceOnCpu = 577 * 4096;

at::Tensor activate(const at::Tensor& x, config::Activation activation) {
  switch (activation) {
    case config::Activation::QuickGelu:
      return quick_gelu(x);
    case config::Activation::Gelu:
      return at::gelu(x, "none");
    case config::Activation::GeluTanh:
      return at::gelu(x, "tanh");
  }
  fail(ErrorCategory::Internal, "internal error: activation of the vision tower");
}

}  // namespace

VisionTower::Block::Block(const WeightScope& scope, const config::VisionConfig& config)
    : activation(config.activation),
      attention(scope.child("attention"),
                {.in = config.width, .num_heads = config.num_heads, .head_dim = config.head_dim, .out = config.width}),
      w1(scope, "feed_forward.w1", config.mlp_width, config.width, Bias::Yes),
      w2(scope, "feed_forward.w2", config.width, config.mlp_width, Bias::Yes),
      attention_norm(scope, "attention_norm", config.width, config.norm_eps),
      ffn_norm(scope, "ffn_norm", config.width, config.norm_eps) {
  if (!config.has_layer_scale) return;
  lambda1 = scope.get_small("lambda1", {config.width});
  lambda2 = scope.get_small("lambda2", {config.width});
}

at::Tensor VisionTower::Block::forward(const at::Tensor& x) const {
  const at::Tensor normed = attention_norm.forward(x);
  const at::Tensor attended = attention.forward(normed, normed);
  const at::Tensor y = x + (lambda1.defined() ? attended * lambda1 : attended);
  const at::Tensor hidden = mlp(ffn_norm.forward(y));
  return y + (lambda2.defined() ? hidden * lambda2 : hidden);
}

at::Tensor VisionTower::Block::mlp(const at::Tensor& x) const {
  return w2.forward(activate(w1.forward(x), activation));
}

VisionTower::VisionTower(const WeightScope& scope, const config::VisionConfig& config,
                         const std::vector<int64_t>& layers)
    : config_(config),
      patch_embedding_(scope, "patch_embedding", config.width, config.patch_dim(),
                       config.has_patch_bias ? Bias::Yes : Bias::No) {
  if (config.has_class_token) class_embedding_ = scope.get_small("class_embedding", {config.width});
  positional_embedding_ = scope.get_small("positional_embedding", {config.num_positions, config.width});
  activation_type_ = model::activation_type(positional_embedding_);
  if (config.has_pre_norm) pre_norm_.emplace(scope, "pre_ln", config.width, config.norm_eps);
  int64_t num_blocks = 0;
  for (int64_t layer : layers) num_blocks = std::max(num_blocks, block_index(layer) + 1);
  for (int64_t block = 0; block < num_blocks; ++block) {
    blocks_.emplace_back(scope.child(fmt::format("transformer.resblocks.{}", block)), config);
  }
}

int64_t VisionTower::block_index(int64_t layer) const {
  const int64_t index = layer < 0 ? layer + config_.num_layers : layer;
  if (index < 0 || index >= config_.num_layers) {
    fail(ErrorCategory::InvalidArgument, "vision layer {} was asked for, the tower has {} blocks", layer,
         config_.num_layers);
  }
  return index;
}

at::Tensor VisionTower::positions() const {
  const int64_t num_class_rows = config_.has_class_token ? 1 : 0;
  const auto [rows, columns] = config_.patch_grid();
  return positions_for_grid(positional_embedding_.slice(0, num_class_rows), rows, columns);
}

at::Tensor VisionTower::embed(const at::Tensor& patches) const {
  at::Tensor x = patch_embedding_.forward(patches) + positions().to(activation_type_);
  if (config_.has_class_token) {
    const at::Tensor class_token = class_embedding_ + positional_embedding_.select(0, 0);
    x = at::cat({class_token.to(activation_type_).expand({x.size(0), 1, x.size(2)}), x}, 1);
  }
  return pre_norm_ ? pre_norm_->forward(x) : x;
}

std::vector<at::Tensor> VisionTower::block_outputs(const at::Tensor& patches, const std::vector<int64_t>& layers,
                                                   const RunBlock& run_block) const {
  std::vector<int64_t> wanted;
  for (int64_t layer : layers) wanted.push_back(block_index(layer));
  std::vector<at::Tensor> outputs(layers.size());
  const int64_t num_blocks = *std::max_element(wanted.begin(), wanted.end()) + 1;
  check_internal(num_blocks <= static_cast<int64_t>(blocks_.size()), "vision layer behind those that took weights");
  at::Tensor x = embed(patches);
  for (int64_t block = 0; block < num_blocks; ++block) {
    const auto forward = [&self = blocks_[block]](const at::Tensor& input) { return self.forward(input); };
    // The view gathers the gradients from within the block before those of outputs that are taken here: the same sum
    // whether the block is computed again or not.
    x = run_block ? run_block(block, forward, x) : forward(x.view_as(x));
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] == block) outputs[i] = x;
    }
  }
  return outputs;
}

at::Tensor VisionTower::features(const at::Tensor& patches, const std::vector<int64_t>& layers,
                                 const RunBlock& run_block) const {
  // Padding crops are left out rather than multiplied by zero: they cost as much as a real one.
  const at::Tensor is_real = patches.ne(-1).flatten(1).any(1);
  const at::Tensor real = is_real.nonzero().squeeze(1);
  at::Tensor features =
      at::zeros({patches.size(0), patches.size(1), static_cast<int64_t>(layers.size()) * config_.width},
                patches.options().dtype(activation_type_));
  if (real.size(0) == 0) return features;
  const bool has_padding = real.size(0) < patches.size(0);
  const at::Tensor crops = has_padding ? patches.index_select(0, real) : patches;
  std::vector<at::Tensor> parts;
  const int64_t crops_at_once = std::max<int64_t>(1, kHiddenValuesAtOnceOnCpu / (patches.size(1) * config_.mlp_width));
  for (const at::Tensor& some : crops.split(patches.is_cpu() ? crops_at_once : crops.size(0))) {
    parts.push_back(
        at::cat(block_outputs(some, layers, run_block), -1).narrow(1, config_.has_class_token, patches.size(1)));
  }
  const at::Tensor without_class = parts.size() == 1 ? parts[0] : at::cat(parts);
  return has_padding ? features.index_copy(0, real, without_class) : without_class;
}

}  // namespace molmo::model
