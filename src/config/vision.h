// Vision tower: a ViT over one crop (paper, section 2 and appendix A.1; reference: olmo/image_vit.py).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/enum_names.h"

namespace molmo::config {

enum class Activation { QuickGelu, Gelu, GeluTanh };

struct VisionConfig {
  std::array<int64_t, 2> input_size = {336, 336};  // height, width of a crop in pixels
  int64_t patch_size = 14;                         // pixels per side
  int64_t width = 1024;                            // features per patch
  int64_t num_layers = 23;
  int64_t num_heads = 16;
  int64_t head_dim = 64;
  int64_t mlp_width = 4096;
  Activation activation = Activation::QuickGelu;
  double norm_eps = 1e-5;
  int64_t num_positions = 577;  // rows of the position table, the class token's included
  bool has_class_token = true;
  bool has_pre_norm = true;  // LayerNorm between the embeddings and the first block
  bool has_patch_bias = false;
  bool has_layer_scale = false;  // learned factor on each residual branch (DINOv2)

  // Patches per side of a crop: rows, columns.
  std::array<int64_t, 2> patch_grid() const { return {input_size[0] / patch_size, input_size[1] / patch_size}; }
  int64_t num_patches() const { return patch_grid()[0] * patch_grid()[1]; }
  // Values of a patch vector, ordered (row, column, channel).
  int64_t patch_dim() const { return patch_size * patch_size * 3; }

  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("input_size", input_size, "height and width of a crop, pixels");
    visit("patch_size", patch_size, "pixels per side of a patch");
    visit("width", width, "features per patch");
    visit("num_layers", num_layers, "transformer blocks");
    visit("num_heads", num_heads, "attention heads");
    visit("head_dim", head_dim, "width of a head");
    visit("mlp_width", mlp_width, "hidden width of the MLP");
    visit("activation", activation, "activation of the MLP");
    visit("norm_eps", norm_eps, "epsilon of the layer norms");
    visit("num_positions", num_positions, "rows of the position table");
    visit("has_class_token", has_class_token, "a class token stands before the patches");
    visit("has_pre_norm", has_pre_norm, "layer norm before the first block");
    visit("has_patch_bias", has_patch_bias, "patch embedding has a bias");
    visit("has_layer_scale", has_layer_scale, "residual branches are scaled by a learned vector");
  }
};

// The towers of the paper's ablation (Table 2). Depths as the reference configures them.
VisionConfig clip_vit_l14_336();  // OpenAI CLIP, 23 of 24 blocks: the released models' tower
VisionConfig siglip_so400m_14_378();
VisionConfig metaclip_vit_l14_336();
VisionConfig dinov2_vit_l14_336();

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::Activation> {
  using enum config::Activation;
  static constexpr EnumName<config::Activation> kValues[] = {
      {QuickGelu, "quick_gelu"}, {Gelu, "gelu"}, {GeluTanh, "gelu_pytorch_tanh"}};
};
