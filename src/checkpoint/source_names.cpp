#include "checkpoint/source_names.h"

#include <fmt/format.h>

#include <utility>

namespace molmo::checkpoint {
namespace {

constexpr std::string_view kDecoder = "transformer.";
constexpr std::string_view kDecoderBlocks = "transformer.blocks.";
constexpr std::string_view kTower = "vision_backbone.image_vit.";
constexpr std::string_view kTowerBlocks = "vision_backbone.image_vit.transformer.resblocks.";

// "3" and "att_proj.weight" of "transformer.blocks.3.att_proj.weight".
std::pair<std::string_view, std::string_view> split_layer(std::string_view rest) {
  const size_t dot = rest.find('.');
  return {rest.substr(0, dot), dot == std::string_view::npos ? "" : rest.substr(dot + 1)};
}

// "att_proj" and "weight".
std::pair<std::string_view, std::string_view> split_last(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::pair(name, std::string_view())
                                       : std::pair(name.substr(0, dot), name.substr(dot + 1));
}

std::vector<std::string> text_block_names(std::string_view rest, const config::DecoderConfig& decoder) {
  const auto [layer, name] = split_layer(rest);
  const auto [module, kind] = split_last(name);
  const std::string block = fmt::format("layers.{}.", layer);
  if (module == "att_proj") {
    return {fmt::format("{}self_attn.q_proj.{}", block, kind), fmt::format("{}self_attn.k_proj.{}", block, kind),
            fmt::format("{}self_attn.v_proj.{}", block, kind)};
  }
  if (module == "attn_out") return {block + "self_attn.o_proj.weight"};
  if (module == "q_norm" || module == "k_norm") return {fmt::format("{}self_attn.{}.weight", block, module)};
  // The norm behind the attention is that of the MLP's input, or, with norms after, of the attention's output.
  if (module == "attn_norm")
    return {block + (decoder.has_norm_after ? "post_attention_layernorm.weight" : "input_layernorm.weight")};
  if (module == "ff_norm")
    return {block + (decoder.has_norm_after ? "post_feedforward_layernorm.weight" : "post_attention_layernorm.weight")};
  if (module == "ff_proj") return {block + "mlp.up_proj.weight", block + "mlp.gate_proj.weight"};
  if (module == "ff_out") return {block + "mlp.down_proj.weight"};
  if (module == "ffn.router.layer") return {block + "mlp.gate.weight"};
  constexpr std::string_view kExperts = "ffn.experts.";
  if (module.starts_with(kExperts))
    return {fmt::format("{}mlp.experts.{}.weight", block, module.substr(kExperts.size()))};
  return {};
}

// The modules of a block, ours and theirs.
struct ModuleNames {
  std::string_view native, clip, dino;
};
constexpr ModuleNames kVisionModules[] = {
    {"attention.wq", "self_attn.q_proj", "attention.attention.query"},
    {"attention.wk", "self_attn.k_proj", "attention.attention.key"},
    {"attention.wv", "self_attn.v_proj", "attention.attention.value"},
    {"attention.wo", "self_attn.out_proj", "attention.output.dense"},
    {"feed_forward.w1", "mlp.fc1", "mlp.fc1"},
    {"feed_forward.w2", "mlp.fc2", "mlp.fc2"},
    {"attention_norm", "layer_norm1", "norm1"},
    {"ffn_norm", "layer_norm2", "norm2"},
};

std::vector<std::string> vision_block_names(std::string_view rest, bool is_dino) {
  const auto [layer, name] = split_layer(rest);
  const std::string block = fmt::format("{}{}.", is_dino ? "encoder.layer." : "encoder.layers.", layer);
  if (name == "lambda1") return {block + "layer_scale1.lambda1"};
  if (name == "lambda2") return {block + "layer_scale2.lambda1"};
  const auto [module, kind] = split_last(name);
  for (const ModuleNames& row : kVisionModules) {
    if (row.native == module) return {fmt::format("{}{}.{}", block, is_dino ? row.dino : row.clip, kind)};
  }
  return {};
}

}  // namespace

std::vector<std::string> text_source_names(std::string_view native, const config::DecoderConfig& decoder) {
  if (native.starts_with(kDecoderBlocks)) return text_block_names(native.substr(kDecoderBlocks.size()), decoder);
  if (!native.starts_with(kDecoder)) return {};
  const std::string_view name = native.substr(kDecoder.size());
  if (name == "wte.embedding") return {"embed_tokens.weight"};
  if (name == "ln_f.weight") return {"norm.weight"};
  if (name == "ff_out.weight") return {"lm_head.weight"};
  return {};
}

std::vector<std::string> vision_source_names(std::string_view native, const config::VisionConfig& vision) {
  const bool is_dino = vision.has_layer_scale;
  if (native.starts_with(kTowerBlocks)) return vision_block_names(native.substr(kTowerBlocks.size()), is_dino);
  if (!native.starts_with(kTower)) return {};
  const std::string_view name = native.substr(kTower.size());
  const auto [module, kind] = split_last(name);
  if (name == "class_embedding") return {is_dino ? "embeddings.cls_token" : "embeddings.class_embedding"};
  if (name == "positional_embedding")
    return {is_dino ? "embeddings.position_embeddings" : "embeddings.position_embedding.weight"};
  if (module == "patch_embedding")
    return {
        fmt::format("{}.{}", is_dino ? "embeddings.patch_embeddings.projection" : "embeddings.patch_embedding", kind)};
  if (module == "pre_ln") return {fmt::format("pre_layrnorm.{}", kind)};  // the layout's own spelling
  return {};
}

}  // namespace molmo::checkpoint
