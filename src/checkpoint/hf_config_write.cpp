#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fields.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/native_config.h"

namespace molmo::checkpoint {
namespace {

using config::DecoderConfig;
using config::ModelConfig;

// Of the releases.
constexpr const char* kTransformersVersion = "4.43.3";
constexpr const char* kMixtureTransformersVersion = "4.45.0.dev0";

// Where other tools find the code that goes with the weights: beside them, or in the release's repository.
std::string code_reference(std::string_view symbol, bool is_moe, bool has_code) {
  const std::string_view repository = is_moe ? "allenai/MolmoE-1B-0924" : "allenai/Molmo-7B-D-0924";
  return has_code ? std::string(symbol) : fmt::format("{}--{}", repository, symbol);
}

Json auto_map(bool is_moe, bool has_code) {
  const std::string suffix = is_moe ? "molmoe" : "molmo";
  return {{"AutoConfig", code_reference("config_" + suffix + ".MolmoConfig", is_moe, has_code)},
          {"AutoModelForCausalLM", code_reference("modeling_" + suffix + ".MolmoForCausalLM", is_moe, has_code)}};
}

std::string torch_dtype(DType dtype) {
  switch (dtype) {
    case DType::F32:
      return "float32";
    case DType::F16:
      return "float16";
    case DType::BF16:
      return "bfloat16";
    default:
      fail(ErrorCategory::InvalidArgument, "weights of type {} have no name in config.json", enum_name(dtype));
  }
}

// Null says "as many as query heads".
Json kv_heads(const DecoderConfig& decoder) {
  return decoder.num_kv_heads == decoder.num_heads ? Json(nullptr) : Json(decoder.num_kv_heads);
}

std::string pooling_name(const ModelConfig& config) {
  std::string name(enum_name(config.connector.pooling));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

Json padding_name(const ModelConfig& config) {
  if (config.connector.padding_embed == config::PaddingEmbed::None) return nullptr;
  return enum_name(config.connector.padding_embed);
}

// Fields of the releases' config.json that are not of 7B-D, 7B-O and 72B, but of MolmoE.
void add_vision_fields(Json& document, const ModelConfig& config) {
  document["additional_vocab_size"] = config.decoder.additional_vocab_size;
  document["vit_layers"] = config.connector.feature_layers;
  document["image_pooling_2d"] = pooling_name(config);
  document["image_padding_embed"] = padding_name(config);
  document["max_crops"] = config.image_input.max_crops;
  document["vision_backbone"] = write_vision_settings(config);
}

Json length_hint(const ModelConfig& config) {
  return config.prompt.default_length_hint ? Json(*config.prompt.default_length_hint) : Json(nullptr);
}

// The rest of what MolmoE's config.json says about pictures and prompts.
Json input_fields(const ModelConfig& config) {
  return {{"image_pooling_h", config.connector.pooling_window[0]},
          {"image_pooling_w", config.connector.pooling_window[1]},
          {"image_projector", enum_name(config.connector.projector)},
          {"crop_mode", enum_name(config.image_input.crop_mode)},
          {"overlap_margins", config.image_input.overlap_margins},
          {"pad_value", config.image_input.pad_value},
          {"use_col_tokens", config.image_input.has_column_tokens},
          {"prompt_type", enum_name(config.prompt.templates)},
          {"system_prompt_kind", enum_name(config.prompt.system_prompt)},
          {"message_formatting", enum_name(config.prompt.message_format)},
          {"always_start_with_space", config.prompt.starts_with_space},
          {"default_inference_len", length_hint(config)}};
}

Json dense_fields(const ModelConfig& config, DType dtype, bool has_code) {
  const DecoderConfig& decoder = config.decoder;
  return {{"architectures", {"MolmoForCausalLM"}},
          {"attention_layer_norm", decoder.has_qk_norm},
          {"auto_map", auto_map(/*is_moe=*/false, has_code)},
          {"clip_qkv", nullptr},
          {"embedding_size", decoder.embedding_size},
          {"hidden_size", decoder.width},
          {"initializer_range", 0.02},
          {"intermediate_size", 2 * decoder.mlp_width},
          {"layer_norm_eps", decoder.norm_eps},
          {"layer_norm_type", "rms"},
          {"max_position_embeddings", decoder.max_sequence_length},
          {"model_type", "molmo"},
          {"norm_after", decoder.has_norm_after},
          {"num_attention_heads", decoder.num_heads},
          {"num_hidden_layers", decoder.num_layers},
          {"num_key_value_heads", kv_heads(decoder)},
          {"qkv_bias", decoder.has_qkv_bias},
          {"rope_theta", decoder.rope_theta},
          {"tie_word_embeddings", decoder.has_tied_head},
          {"torch_dtype", torch_dtype(dtype)},
          {"transformers_version", kTransformersVersion},
          {"use_cache", true},
          {"use_position_ids", true},
          {"vocab_size", decoder.vocab_size},
          {"weight_tying", decoder.has_tied_head}};
}

Json mixture_fields(const ModelConfig& config, DType dtype, bool has_code) {
  const DecoderConfig& decoder = config.decoder;
  const int64_t hidden = 2 * decoder.mlp_width;
  const bool is_ratio = hidden % decoder.width == 0;
  Json document = {{"architectures", {"OLMoForCausalLM"}},
                   {"auto_map", auto_map(/*is_moe=*/true, has_code)},
                   {"activation_type", "swiglu"},
                   {"attention_layer_norm", decoder.has_qk_norm},
                   {"attention_layer_norm_with_affine", true},
                   {"attention_type", "sdpa"},
                   {"bias_for_layer_norm", false},
                   {"block_type", "moe"},
                   {"clip_qkv", nullptr},
                   {"d_model", decoder.width},
                   {"embedding_size", decoder.embedding_size},
                   {"float32_attention", true},
                   {"head_dim", nullptr},
                   {"include_bias", false},
                   {"init_fn", "normal"},
                   {"init_std", 0.02},
                   {"initializer_range", 0.02},
                   {"layer_norm_eps", decoder.norm_eps},
                   {"layer_norm_type", "rms"},
                   {"layer_norm_with_affine", true},
                   {"max_position_embeddings", decoder.max_sequence_length},
                   {"max_sequence_length", decoder.max_sequence_length},
                   {"mlp_hidden_size", is_ratio ? Json(nullptr) : Json(hidden)},
                   {"mlp_ratio", is_ratio ? hidden / decoder.width : 1},
                   {"model_type", "molmo"},
                   {"moe_dropless", true},
                   {"moe_mlp_impl", "sparse"},
                   {"moe_num_experts", decoder.num_experts},
                   {"moe_top_k", decoder.num_active_experts},
                   {"n_heads", decoder.num_heads},
                   {"n_kv_heads", kv_heads(decoder)},
                   {"n_layers", decoder.num_layers},
                   {"new_embedding_init_range", 0.02},
                   {"norm_after", decoder.has_norm_after},
                   {"normalize_input_embeds", false},
                   {"qkv_bias", decoder.has_qkv_bias},
                   {"rope", true},
                   {"rope_full_precision", true},
                   {"rope_theta", decoder.rope_theta},
                   {"scale_logits", false},
                   {"torch_dtype", torch_dtype(dtype)},
                   {"transformers_version", kMixtureTransformersVersion},
                   {"use_cache", true},
                   {"use_position_ids", true},
                   {"vocab_size", decoder.vocab_size},
                   {"weight_tying", decoder.has_tied_head}};
  add_vision_fields(document, config);
  document.update(input_fields(config));
  return document;
}

// True when readers that find none of the vision fields would still see the same model.
bool has_released_vision(const ModelConfig& config, const ModelConfig& assumed) {
  return write_fields(config.vision) == write_fields(assumed.vision) &&
         config.connector.feature_layers == assumed.connector.feature_layers &&
         config.connector.pooling == assumed.connector.pooling &&
         config.connector.padding_embed == assumed.connector.padding_embed &&
         config.decoder.additional_vocab_size == assumed.decoder.additional_vocab_size &&
         config.image_input.max_crops == assumed.image_input.max_crops &&
         config.image_input.resize_mode == assumed.image_input.resize_mode &&
         config.image_input.normalization == assumed.image_input.normalization;
}

void add_what_releases_lack(Json& document, const ModelConfig& config) {
  const DecoderConfig& decoder = config.decoder;
  if (decoder.head_dim * decoder.num_heads != decoder.width) document["head_dim"] = decoder.head_dim;
  if (config.connector.mlp_width != decoder.mlp_width)
    document["image_projector_hidden_size"] = config.connector.mlp_width;
}

void check_reads_back(const Json& document, const ModelConfig& config) {
  const Json found = write_fields(parse_hf_config(document, "config.json")), expected = write_fields(config);
  for (const auto& [part, fields] : expected.items()) {
    for (const auto& [name, value] : fields.items()) {
      if (found.at(part).at(name) == value) continue;
      fail(ErrorCategory::Unsupported, "{}.{} = {} has no place in config.json: it would read back as {}", part, name,
           dump_json(value), dump_json(found.at(part).at(name)));
    }
  }
}

}  // namespace

Json write_hf_config(const ModelConfig& config, DType dtype, bool has_code) {
  Json document =
      config.decoder.has_experts() ? mixture_fields(config, dtype, has_code) : dense_fields(config, dtype, has_code);
  add_what_releases_lack(document, config);
  if (!config.decoder.has_experts()) {
    const ModelConfig assumed = parse_hf_config(document, "config.json");
    if (!has_released_vision(config, assumed)) add_vision_fields(document, config);
    const Json fields = input_fields(config), assumed_fields = input_fields(assumed);
    for (const auto& [name, value] : fields.items()) {
      if (assumed_fields.at(name) != value) document[name] = value;
    }
  }
  check_reads_back(document, config);
  return document;
}

Json write_preprocessor_config(const ModelConfig& config, bool has_code) {
  const bool is_moe = config.decoder.has_experts();
  const auto* pixels =
      std::find_if(std::begin(kPixelStatistics), std::end(kPixelStatistics),
                   [&](const PixelStatistics& row) { return row.normalization == config.image_input.normalization; });
  return {{"auto_map",
           {{"AutoImageProcessor", code_reference("image_preprocessing_molmo.MolmoImageProcessor", is_moe, has_code)},
            {"AutoProcessor", code_reference("preprocessing_molmo.MolmoProcessor", is_moe, has_code)}}},
          {"base_image_input_size", config.vision.input_size},
          {"do_normalize", true},
          {"image_mean", pixels->mean},
          {"image_padding_mask", true},
          {"image_patch_size", config.vision.patch_size},
          {"image_processor_type", "MolmoImageProcessor"},
          {"image_std", pixels->standard_deviation},
          {"image_token_length_h", config.token_grid()[0]},
          {"image_token_length_w", config.token_grid()[1]},
          {"max_crops", config.image_input.max_crops},
          {"overlap_margins", config.image_input.overlap_margins},
          {"processor_class", "MolmoProcessor"}};
}

Json write_processor_config(bool is_moe, bool has_code) {
  return {{"auto_map", {{"AutoProcessor", code_reference("preprocessing_molmo.MolmoProcessor", is_moe, has_code)}}},
          {"processor_class", "MolmoProcessor"}};
}

}  // namespace molmo::checkpoint
