// Vision tower: a ViT over the patches of single crops; CLIP, MetaCLIP, SigLIP and DINOv2 differ by configuration only
// (paper, section 2; reference: olmo/image_vit.py).
//   VisionTower tower(root.child("vision_backbone.image_vit"), config.vision, {-2, -9});
//   std::vector<at::Tensor> outputs = tower.block_outputs(patches, {-2, -9});   // [N, P, patch_dim] -> 2 x [N, tokens,
//   W]
// Holds weights only: const calls are thread-safe. There is no norm after the last block.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "config/vision.h"
#include "model/linear.h"
#include "model/molmo.h"
#include "model/norm.h"
#include "model/vision_attention.h"

namespace molmo::model {

class VisionTower {
 public:
  // `layers` are the blocks whose outputs will be asked for, Python indexing: blocks behind the last of them take no
  // weights.
  VisionTower(const WeightScope& scope, const config::VisionConfig& config, const std::vector<int64_t>& layers);

  // patches: [N, P, patch_dim] in the type of the activations. One [N, tokens, W] per layer; the class token stands
  // first.
  std::vector<at::Tensor> block_outputs(const at::Tensor& patches, const std::vector<int64_t>& layers,
                                        const RunBlock& run_block = {}) const;

  // Outputs of `layers` side by side without the class token: [N, P, patch_dim] -> [N, P, layers * W]. Crops whose
  // pixels are all exactly -1 pad a batch and give zeros.
  at::Tensor features(const at::Tensor& patches, const std::vector<int64_t>& layers, const RunBlock& run_block) const;

  at::ScalarType activation_type() const { return activation_type_; }

 private:
  struct Block {
    Block(const WeightScope& scope, const config::VisionConfig& config);
    at::Tensor forward(const at::Tensor& x) const;  // [N, tokens, W] -> same
    at::Tensor mlp(const at::Tensor& x) const;

    config::Activation activation;
    VisionAttention attention;
    Linear w1, w2;
    LayerNorm attention_norm, ffn_norm;
    at::Tensor lambda1, lambda2;  // undefined without layer scale
  };

  int64_t block_index(int64_t layer) const;
  at::Tensor embed(const at::Tensor& patches) const;
  at::Tensor positions() const;  // [P, W], interpolated when the table has another grid

  config::VisionConfig config_;
  Linear patch_embedding_;
  at::ScalarType activation_type_;
  at::Tensor class_embedding_;       // [W], undefined without
  at::Tensor positional_embedding_;  // [num_positions, W], the class token's row first
  std::optional<LayerNorm> pre_norm_;
  std::vector<Block> blocks_;
};

}  // namespace molmo::model
