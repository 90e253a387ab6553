#include "checkpoint/source_weights.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/hf_weights.h"
#include "checkpoint/source_names.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEmbedding = "embed_tokens.weight";
constexpr const char* kHead = "lm_head.weight";

// Checkpoints of text models have "model." before all but the head; those of CLIP and SigLIP hold a text tower as well.
std::string without_prefix(const std::string& name) {
  for (const std::string_view prefix : {"model.", "vision_model.", "dinov2."}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

StoredTensors open_source(const fs::path& folder, bool is_vision) {
  if (!fs::is_directory(folder)) {
    fail(ErrorCategory::NotFound, "{}: expected a folder with config.json and model.safetensors", folder.string());
  }
  StoredTensors tensors;
  for (const auto& [name, tensor] : open_hf_weights(folder)) {
    if (is_vision && name.starts_with("text_model.")) continue;
    tensors.emplace(without_prefix(name), tensor);
  }
  return tensors;
}

}  // namespace

void SourceWeights::add_parameters(const config::ModelConfig& config, model::Component component) {
  config_ = config;
  const bool is_vision = component == model::Component::Vision;
  const bool has_head = tensors_.contains(kHead);
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    if (parameter.component != component) continue;
    const auto names = is_vision ? vision_source_names(parameter.name, config.vision)
                                 : text_source_names(parameter.name, config.decoder);
    for (const std::string& name : names) {
      if (name != kHead || has_head) find(name);
    }
    parameters_.emplace(parameter.name, parameter);
  }
}

const StoredTensor& SourceWeights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    fail(ErrorCategory::BadData,
         "{}: has no tensor '{}'. Hint: is it a model of the kind that the configuration describes (norms, biases, "
         "experts, number of layers)?",
         folder_.string(), name);
  }
  return found->second;
}

at::Tensor SourceWeights::load_stored(const std::string& name) const {
  const StoredTensor& stored = find(name);
  const DType dtype = stored.entry.dtype;
  if (dtype != DType::F32 && dtype != DType::BF16 && dtype != DType::F16) {
    fail(ErrorCategory::Unsupported, "{}: '{}' is stored as {}, expected f32, bf16 or f16", folder_.string(), name,
         enum_name(dtype));
  }
  return stored.map().to(at::kFloat);
}

// [W, 3, P, P], a convolution's, to [W, P * P * 3]: patch vectors are ordered (row, column, channel).
at::Tensor SourceWeights::load_patch_kernel(const std::string& name) const {
  const at::Tensor kernel = load_stored(name);
  const config::VisionConfig& vision = config_.vision;
  if (kernel.sizes() != at::IntArrayRef({vision.width, 3, vision.patch_size, vision.patch_size})) {
    fail(ErrorCategory::BadData, "{}: '{}' is {}, the configuration wants [{}, 3, {}, {}]", folder_.string(), name,
         shape_text(kernel.sizes()), vision.width, vision.patch_size, vision.patch_size);
  }
  return kernel.permute({0, 2, 3, 1}).reshape({vision.width, vision.patch_dim()});
}

// [positions, W] or [1, positions, W] to the configured grid (reference: interpolate_position_embeddings).
at::Tensor SourceWeights::load_positions(const std::string& name) const {
  at::Tensor table = load_stored(name);
  const config::VisionConfig& vision = config_.vision;
  if (table.dim() == 3 && table.size(0) == 1) table = table.squeeze(0);
  const int64_t num_prefix = vision.has_class_token ? 1 : 0;
  if (table.dim() != 2 || table.size(1) != vision.width || table.size(0) <= num_prefix) {
    fail(ErrorCategory::BadData, "{}: '{}' is {}, expected [positions, {}]", folder_.string(), name,
         shape_text(table.sizes()), vision.width);
  }
  const int64_t num_stored = table.size(0) - num_prefix;
  const bool is_square = vision.input_size[0] == vision.input_size[1];
  if (num_stored == vision.num_positions - num_prefix && is_square) return table;
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(num_stored)));
  const auto [rows, columns] = vision.patch_grid();
  if (side * side != num_stored || rows * columns + num_prefix != vision.num_positions) {
    fail(ErrorCategory::BadData, "{}: '{}' has {} positions, which cannot become a grid of {} x {} patches",
         folder_.string(), name, num_stored, rows, columns);
  }
  // A tenth of a patch is added against rounding down, and is part of the scale, as in the reference.
  const double row_scale = (static_cast<double>(rows) + 0.1) / static_cast<double>(side);
  const double column_scale = (static_cast<double>(columns) + 0.1) / static_cast<double>(side);
  const at::Tensor grid = table.narrow(0, num_prefix, num_stored).view({1, side, side, -1}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::upsample_bicubic2d(grid, {rows, columns}, /*align_corners=*/false, row_scale, column_scale)
          .permute({0, 2, 3, 1})
          .reshape({rows * columns, -1});
  return at::cat({table.narrow(0, 0, num_prefix), resized}, 0);
}

at::Tensor SourceWeights::load(const std::string& native) const {
  const auto parameter = parameters_.find(native);
  check_internal(parameter != parameters_.end(), "only parameters of this source are loaded from it");
  const bool is_vision = parameter->second.component == model::Component::Vision;
  const auto names =
      is_vision ? vision_source_names(native, config_.vision) : text_source_names(native, config_.decoder);
  check_internal(!names.empty(), "every parameter of a source has a name in its layout");
  at::Tensor weight;
  if (native.ends_with("patch_embedding.weight")) {
    weight = load_patch_kernel(names[0]);
  } else if (native.ends_with("positional_embedding")) {
    weight = load_positions(names[0]);
  } else if (names[0] == kHead && !tensors_.contains(kHead)) {
    weight = load_stored(kEmbedding);  // a head that shares the embedding's weight is not stored
  } else {
    std::vector<at::Tensor> parts;
    for (const std::string& name : names) parts.push_back(load_stored(name));
    weight = parts.size() == 1 ? parts[0] : at::cat(parts, 0);
    if (native.ends_with("class_embedding")) weight = weight.reshape({-1});
  }
  if (weight.sizes() != at::IntArrayRef(parameter->second.shape)) {
    fail(ErrorCategory::BadData, "{}: '{}' gives {} for {}, the configuration wants {}", folder_.string(), names[0],
         shape_text(weight.sizes()), native, shape_text(parameter->second.shape));
  }
  return weight.contiguous();
}

SourceWeights open_text_model(const fs::path& folder, const config::DecoderConfig& decoder) {
  SourceWeights source;
  source.folder_ = folder;
  source.tensors_ = open_source(folder, /*is_vision=*/false);
  config::ModelConfig config;
  config.decoder = decoder;
  source.add_parameters(config, model::Component::Language);
  return source;
}

SourceWeights open_vision_tower(const fs::path& folder, const config::VisionConfig& vision) {
  SourceWeights source;
  source.folder_ = folder;
  source.tensors_ = open_source(folder, /*is_vision=*/true);
  config::ModelConfig config;
  config.vision = vision;
  source.add_parameters(config, model::Component::Vision);
  return source;
}

config::DecoderConfig read_text_config(const fs::path& folder, const config::DecoderConfig& like) {
  const fs::path path = folder / "config.json";
  const Json json = read_json_file(path);
  const auto type = json.is_object() ? json.value("model_type", std::string()) : std::string();
  const bool is_qwen = type == "qwen2", is_olmo = type == "olmo2" || type == "olmo_1024", is_moe = type == "olmoe";
  if (!is_qwen && !is_olmo && !is_moe) {
    fail(ErrorCategory::Unsupported, "{}: model_type is '{}', expected qwen2, olmo2, olmo_1024 or olmoe", path.string(),
         type);
  }
  const auto number = [&]<class T>(const char* key, T otherwise) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return otherwise;
    if (!found->is_number())
      fail(ErrorCategory::BadData, "{}: {} is {}, expected a number", path.string(), key, dump_json(*found));
    return found->get<T>();
  };
  config::DecoderConfig decoder = like;
  decoder.width = number("hidden_size", like.width);
  decoder.num_layers = number("num_hidden_layers", like.num_layers);
  decoder.num_heads = number("num_attention_heads", like.num_heads);
  decoder.num_kv_heads = number("num_key_value_heads", decoder.num_heads);
  decoder.head_dim = number("head_dim", decoder.num_heads > 0 ? decoder.width / decoder.num_heads : 0);
  decoder.mlp_width = number("intermediate_size", like.mlp_width);
  decoder.rope_theta = number("rope_theta", like.rope_theta);
  decoder.norm_eps = number("rms_norm_eps", like.norm_eps);
  const int64_t rows = number("vocab_size", like.embedding_size);
  if (rows != like.embedding_size) {
    decoder.embedding_size = rows;
    decoder.vocab_size = rows;
  }
  decoder.has_tied_head = false;  // the reference never shares them: a shared one is copied
  decoder.has_qkv_bias = is_qwen;
  decoder.has_qk_norm = is_olmo || is_moe;
  decoder.has_norm_after = is_olmo;
  decoder.num_experts = is_moe ? number("num_experts", like.num_experts) : 0;
  decoder.num_active_experts = is_moe ? number("num_experts_per_tok", like.num_active_experts) : 0;
  decoder.validate();
  return decoder;
}

}  // namespace molmo::checkpoint
