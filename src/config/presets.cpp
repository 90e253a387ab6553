// Presets of the paper's models and of their parts (paper, Tables 1 and 6; reference: launch_scripts/utils.py).
// Adding a model size is one function and one row of kPresets.
#include "base/error.h"
#include "base/nearest.h"
#include "config/model.h"

namespace molmo::config {

VisionConfig clip_vit_l14_336() {
  return VisionConfig{};
}

VisionConfig metaclip_vit_l14_336() {
  VisionConfig config = clip_vit_l14_336();
  config.num_layers = 24;
  return config;
}

VisionConfig siglip_so400m_14_378() {
  VisionConfig config;
  config.input_size = {378, 378};
  config.width = 1152;
  config.num_layers = 27;
  config.head_dim = 72;
  config.mlp_width = 4304;
  config.activation = Activation::GeluTanh;
  config.norm_eps = 1e-6;
  config.num_positions = 729;
  config.has_class_token = false;
  config.has_pre_norm = false;
  config.has_patch_bias = true;
  return config;
}

VisionConfig dinov2_vit_l14_336() {
  VisionConfig config;
  config.num_layers = 24;
  config.activation = Activation::Gelu;
  config.norm_eps = 1e-6;
  config.has_pre_norm = false;
  config.has_patch_bias = true;
  config.has_layer_scale = true;
  return config;
}

DecoderConfig qwen2_7b() {
  return DecoderConfig{};
}

DecoderConfig qwen2_72b() {
  DecoderConfig config = qwen2_7b();
  config.width = 8192;
  config.num_layers = 80;
  config.num_heads = 64;
  config.num_kv_heads = 8;
  config.mlp_width = 29568;
  config.norm_eps = 1e-5;
  return config;
}

DecoderConfig olmo_7b_1024() {
  DecoderConfig config;
  config.width = 4096;
  config.num_layers = 32;
  config.num_heads = 32;
  config.num_kv_heads = 32;
  config.mlp_width = 11008;
  config.vocab_size = 100278;
  config.embedding_size = 100352;
  config.rope_theta = 5e5;
  config.has_qkv_bias = false;
  config.has_qk_norm = true;
  config.has_norm_after = true;
  return config;
}

DecoderConfig olmoe_1b_7b() {
  DecoderConfig config;
  config.width = 2048;
  config.num_layers = 16;
  config.num_heads = 16;
  config.num_kv_heads = 16;
  config.mlp_width = 1024;
  config.vocab_size = 50280;
  config.embedding_size = 50304;
  config.rope_theta = 1e4;
  config.norm_eps = 1e-5;
  config.has_qkv_bias = false;
  config.has_qk_norm = true;
  config.num_experts = 64;
  config.num_active_experts = 8;
  return config;
}

namespace {

ModelConfig with_decoder(const DecoderConfig& decoder) {
  ModelConfig config;
  config.vision = clip_vit_l14_336();
  config.decoder = decoder;
  config.connector.mlp_width = decoder.mlp_width;
  return config;
}

// The small model that ships in models/nano (docs/nano.md): every part of the released ones, at a size that two cores
// train in hours.
ModelConfig nano() {
  DecoderConfig decoder = qwen2_7b();
  decoder.width = 256;
  decoder.num_layers = 6;
  decoder.num_heads = 8;
  decoder.num_kv_heads = 8;
  decoder.head_dim = 32;
  decoder.mlp_width = 704;
  decoder.vocab_size = 1024;
  decoder.embedding_size = 1024;
  decoder.rope_theta = 1e4;
  decoder.max_sequence_length = 2048;
  ModelConfig config = with_decoder(decoder);
  config.vision.input_size = {192, 192};
  config.vision.patch_size = 16;
  config.vision.width = 192;
  config.vision.num_layers = 6;
  config.vision.num_heads = 6;
  config.vision.head_dim = 32;
  config.vision.mlp_width = 768;
  config.vision.num_positions = 145;
  config.connector.feature_layers = {-1, -4};
  config.image_input.crop_mode = CropMode::Resize;
  config.image_input.max_crops = 4;
  config.image_input.overlap_margins = {2, 2};
  return config;
}

struct Preset {
  std::string_view name;
  ModelConfig (*make)();
};

constexpr Preset kPresets[] = {
    {"molmoe-1b", [] { return with_decoder(olmoe_1b_7b()); }},
    {"molmo-7b-o", [] { return with_decoder(olmo_7b_1024()); }},
    {"molmo-7b-d", [] { return with_decoder(qwen2_7b()); }},
    {"molmo-72b", [] { return with_decoder(qwen2_72b()); }},
    {"nano", nano},
};

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& row : kPresets) names.emplace_back(row.name);
  return names;
}

bool is_preset(std::string_view name) {
  for (const Preset& row : kPresets) {
    if (row.name == name) return true;
  }
  return false;
}

ModelConfig preset(std::string_view name) {
  for (const Preset& row : kPresets) {
    if (row.name == name) return row.make();
  }
  fail(ErrorCategory::NotFound, "no preset is called '{}'.{}", name, did_you_mean(name, preset_names()));
}

}  // namespace molmo::config
