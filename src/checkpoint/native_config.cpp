#include "checkpoint/native_config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::checkpoint {
namespace {

using config::ConnectorConfig;
using config::DecoderConfig;
using config::ImageInputConfig;
using config::ModelConfig;
using config::PixelNormalization;
using config::PromptConfig;
using config::ResizeMode;
using config::VisionConfig;

// What `image_model_type` stands for.
struct TowerType {
  std::string_view name;
  bool has_class_token, has_pre_norm, has_patch_bias, has_layer_scale;
  PixelNormalization normalization;

  bool matches(const VisionConfig& vision) const {
    return vision.has_class_token == has_class_token && vision.has_pre_norm == has_pre_norm &&
           vision.has_patch_bias == has_patch_bias && vision.has_layer_scale == has_layer_scale;
  }
};

constexpr TowerType kTowerTypes[] = {{"openai", true, true, false, false, PixelNormalization::Clip},
                                     {"siglip", false, false, true, false, PixelNormalization::SigLip},
                                     {"dino", true, false, true, true, PixelNormalization::ImageNet}};

struct ResizeName {
  std::string_view name;
  ResizeMode mode;
};

constexpr ResizeName kResizeNames[] = {{"default", ResizeMode::PadBilinear},
                                       {"torch-bilinear", ResizeMode::PadBilinear},
                                       {"siglip", ResizeMode::StretchBilinear},
                                       {"dino", ResizeMode::StretchBicubic},
                                       {"metaclip", ResizeMode::StretchBicubic}};

void refuse_other_arithmetic(const SettingsReader& settings) {
  for (const char* key :
       {"clip_qkv", "attn_logit_softcapping", "final_logit_softcapping", "gin_bindings", "prompt_override"}) {
    settings.require(key, nullptr);
  }
  for (const char* key : {"include_bias", "bias_for_layer_norm", "scale_logits", "normalize_input_embeds", "alibi",
                          "unconditioned", "use_cls_feature", "do_random_scale", "moe_shared_expert", "moe_interleave",
                          "image_padding_mask", "multi_query_attention"}) {
    settings.require(key, false);
  }
  for (const char* key :
       {"rope", "use_position_ids", "layer_norm_with_affine", "attention_layer_norm_with_affine", "moe_dropless"}) {
    settings.require(key, true);
  }
  settings.require("layer_norm_type", "rms");
  settings.require("activation_type", "swiglu");
  settings.require("block_group_size", 1);
}

int64_t read_mlp_width(const SettingsReader& settings, int64_t width) {
  int64_t hidden = 0;  // gate and up projection together
  if (settings.has("mlp_hidden_size") || !settings.has("mlp_ratio")) {
    hidden = settings.integer("mlp_hidden_size");
  } else if (__builtin_mul_overflow(settings.integer("mlp_ratio"), width, &hidden)) {
    fail(ErrorCategory::BadData, "{}: is too large", settings.where("mlp_ratio"));
  }
  if (hidden % 2 != 0)
    fail(ErrorCategory::BadData, "{}: expected an even number, found {}", settings.where("mlp_hidden_size"), hidden);
  return hidden / 2;
}

DecoderConfig read_decoder(const SettingsReader& settings, const DecoderConfig& defaults) {
  DecoderConfig decoder = defaults;
  decoder.width = settings.integer("d_model");
  decoder.num_layers = settings.integer("n_layers");
  decoder.num_heads = settings.integer("n_heads");
  decoder.num_kv_heads = settings.integer("n_kv_heads", decoder.num_heads);
  if (decoder.num_heads < 1)
    fail(ErrorCategory::BadData, "{}: expected at least 1, found {}", settings.where("n_heads"), decoder.num_heads);
  decoder.head_dim = settings.integer("head_dim", decoder.width / decoder.num_heads);
  if (!settings.has("head_dim") && decoder.width % decoder.num_heads != 0) {
    fail(ErrorCategory::BadData, "{}: {} heads do not divide the width {}", settings.where("n_heads"),
         decoder.num_heads, decoder.width);
  }
  decoder.mlp_width = read_mlp_width(settings, decoder.width);
  decoder.vocab_size = settings.integer("vocab_size");
  decoder.embedding_size = settings.integer("embedding_size", decoder.vocab_size);
  decoder.additional_vocab_size = settings.integer(
      "additional_vocab_size", settings.is_null("additional_vocab_size") ? 0 : defaults.additional_vocab_size);
  decoder.rope_theta = settings.number("rope_theta", defaults.rope_theta);
  decoder.norm_eps = settings.number("layer_norm_eps", defaults.norm_eps);
  decoder.has_qkv_bias = settings.boolean("qkv_bias", defaults.has_qkv_bias);
  decoder.has_qk_norm = settings.boolean("attention_layer_norm", defaults.has_qk_norm);
  decoder.has_norm_after = settings.boolean("norm_after", defaults.has_norm_after);
  decoder.has_tied_head = settings.boolean("weight_tying", defaults.has_tied_head);
  decoder.max_sequence_length = settings.integer("max_sequence_length", defaults.max_sequence_length);
  const std::string block_type = settings.text("block_type", "sequential");
  if (block_type == "moe") {
    decoder.num_experts = settings.integer("moe_num_experts");
    decoder.num_active_experts = settings.integer("moe_top_k");
    if (decoder.num_experts < 1)
      fail(ErrorCategory::BadData, "{}: expected at least 1", settings.where("moe_num_experts"));
  } else if (block_type != "sequential") {
    fail(ErrorCategory::Unsupported, "{} is '{:.64}', expected sequential or moe", settings.where("block_type"),
         block_type);
  }
  return decoder;
}

void read_tower(const SettingsReader& settings, VisionConfig& vision, ImageInputConfig& image_input) {
  const std::string type = settings.text("image_model_type", "openai");
  const TowerType* tower = nullptr;
  for (const TowerType& row : kTowerTypes) {
    if (row.name == type) tower = &row;
  }
  if (!tower)
    fail(ErrorCategory::Unsupported, "{} is '{:.64}', expected openai, siglip or dino",
         settings.where("image_model_type"), type);
  vision.has_class_token = tower->has_class_token;
  vision.has_pre_norm = tower->has_pre_norm;
  vision.has_patch_bias = tower->has_patch_bias;
  vision.has_layer_scale = tower->has_layer_scale;
  image_input.normalization = tower->normalization;
  vision.input_size = settings.pair("image_default_input_size", vision.input_size);
  vision.patch_size = settings.integer("image_patch_size", vision.patch_size);
  vision.width = settings.integer("image_emb_dim", vision.width);
  vision.num_layers = settings.integer("image_num_layers", vision.num_layers);
  vision.num_heads = settings.integer("image_num_heads", vision.num_heads);
  settings.require("image_num_key_value_heads", vision.num_heads);
  vision.head_dim = settings.integer("image_head_dim", vision.head_dim);
  vision.mlp_width = settings.integer("image_mlp_dim", vision.mlp_width);
  vision.activation = settings.name("image_mlp_activations", vision.activation);
  vision.num_positions = settings.integer("image_num_pos", vision.num_positions);
  vision.norm_eps = settings.number("image_norm_eps", vision.norm_eps);
  const std::string resize = settings.text("resize_mode", "default");
  for (const ResizeName& row : kResizeNames) {
    if (row.name != resize) continue;
    image_input.resize_mode = row.mode;
    return;
  }
  fail(ErrorCategory::Unsupported, "{} is '{:.64}', expected default, siglip, dino or metaclip",
       settings.where("resize_mode"), resize);
}

ConnectorConfig read_connector(const SettingsReader& settings, const ConnectorConfig& defaults, int64_t mlp_width) {
  ConnectorConfig connector = defaults;
  connector.feature_layers = settings.integers("vit_layers", defaults.feature_layers);
  connector.pooling = settings.name("image_pooling_2d", defaults.pooling);
  connector.pooling_window = {settings.integer("image_pooling_h", defaults.pooling_window[0]),
                              settings.integer("image_pooling_w", defaults.pooling_window[1])};
  connector.projector = settings.name("image_projector", defaults.projector);
  connector.padding_embed =
      settings.name("image_padding_embed", defaults.padding_embed, std::optional(config::PaddingEmbed::None));
  connector.mlp_width = settings.integer("image_projector_hidden_size", mlp_width);
  return connector;
}

void read_image_input(const SettingsReader& settings, ImageInputConfig& image_input) {
  image_input.crop_mode = settings.name("crop_mode", image_input.crop_mode);
  image_input.max_crops = settings.integer("max_crops", image_input.max_crops);
  image_input.overlap_margins = settings.pair("overlap_margins", image_input.overlap_margins);
  image_input.pad_value = settings.number("pad_value", image_input.pad_value);
  image_input.has_column_tokens = settings.boolean("use_col_tokens", image_input.has_column_tokens);
}

PromptConfig read_prompt(const SettingsReader& settings, const PromptConfig& defaults) {
  PromptConfig prompt = defaults;
  prompt.templates = settings.name("prompt_type", defaults.templates);
  prompt.system_prompt =
      settings.name("system_prompt_kind", defaults.system_prompt, std::optional(config::SystemPrompt::None));
  prompt.message_format =
      settings.name("message_formatting", defaults.message_format, std::optional(config::MessageFormat::None));
  prompt.starts_with_space = settings.boolean("always_start_with_space", defaults.starts_with_space);
  if (settings.has("default_inference_len")) prompt.default_length_hint = settings.integer("default_inference_len");
  if (settings.is_null("default_inference_len")) prompt.default_length_hint.reset();
  return prompt;
}

// Two towers share a resize, and each has its own name for it.
std::string_view resize_name(ResizeMode mode, std::string_view tower) {
  switch (mode) {
    case ResizeMode::PadBilinear:
      return "default";
    case ResizeMode::StretchBilinear:
      return "siglip";
    case ResizeMode::StretchBicubic:
      return tower == "dino" ? "dino" : "metaclip";
  }
  throw Error(ErrorCategory::Internal, "internal error: resize mode without a name");
}

}  // namespace

ModelConfig reference_defaults() {
  ModelConfig config;
  config.vision.num_layers = 24;
  config.vision.activation = config::Activation::Gelu;
  config.connector.pooling = config::Pooling::Attention;
  config.connector.padding_embed = config::PaddingEmbed::None;
  config.decoder.additional_vocab_size = 0;
  config.decoder.rope_theta = 1e4;
  config.decoder.norm_eps = 1e-5;
  config.decoder.has_qkv_bias = false;
  config.decoder.has_tied_head = true;
  config.decoder.max_sequence_length = 1024;
  config.prompt.templates = config::PromptTemplates::None;
  config.prompt.system_prompt = config::SystemPrompt::Style;
  config.prompt.message_format = config::MessageFormat::None;
  return config;
}

ModelConfig read_model_settings(const SettingsReader& settings, const ModelConfig& defaults) {
  refuse_other_arithmetic(settings);
  ModelConfig config = defaults;
  config.decoder = read_decoder(settings, defaults.decoder);
  if (const Json* vision = settings.find("vision_backbone")) {
    read_tower(SettingsReader(*vision, settings.where("vision_backbone")), config.vision, config.image_input);
  }
  config.connector = read_connector(settings, defaults.connector, config.decoder.mlp_width);
  read_image_input(settings, config.image_input);
  config.prompt = read_prompt(settings, defaults.prompt);
  try {
    config.validate();
  } catch (const Error& error) {
    fail(ErrorCategory::BadData, "{}: {}", settings.source(), error.what());
  }
  return config;
}

ModelConfig read_native_config(const std::filesystem::path& config_yaml) {
  const Json document = read_yaml_file(config_yaml);
  if (!document.is_object() || !document.contains("model")) {
    fail(ErrorCategory::BadData, "{}: has no 'model:', expected a training configuration of the reference",
         config_yaml.string());
  }
  const SettingsReader settings(document["model"], config_yaml.string() + ": model");
  for (const char* key : {"vision_backbone", "vit_layers"}) {
    if (!settings.has(key))
      fail(ErrorCategory::Unsupported, "{}: is missing; only models that see are supported", settings.where(key));
  }
  return read_model_settings(settings, reference_defaults());
}

Json write_vision_settings(const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const TowerType* tower = nullptr;
  for (const TowerType& row : kTowerTypes) {
    if (row.matches(vision) && row.normalization == config.image_input.normalization) tower = &row;
  }
  if (!tower)
    fail(ErrorCategory::Unsupported,
         "the vision tower is neither of CLIP's, SigLIP's nor DINOv2's kind, so config.json has no name for it");
  return Json{{"image_model_type", tower->name},
              {"image_default_input_size", vision.input_size},
              {"image_patch_size", vision.patch_size},
              {"image_pos_patch_size", vision.patch_size},
              {"image_emb_dim", vision.width},
              {"image_num_heads", vision.num_heads},
              {"image_num_key_value_heads", vision.num_heads},
              {"image_num_layers", vision.num_layers},
              {"image_head_dim", vision.head_dim},
              {"image_mlp_dim", vision.mlp_width},
              {"image_mlp_activations", enum_name(vision.activation)},
              {"image_dropout_rate", 0.0},
              {"image_num_pos", vision.num_positions},
              {"image_norm_eps", vision.norm_eps},
              {"attention_dropout", 0.0},
              {"residual_dropout", 0.0},
              {"initializer_range", 0.02},
              {"fsdp_wrap", false},
              {"resize_mode", resize_name(config.image_input.resize_mode, tower->name)}};
}

}  // namespace molmo::checkpoint
