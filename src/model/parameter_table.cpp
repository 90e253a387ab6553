#include "model/parameter_table.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace molmo::model {
namespace {

using config::ConnectorConfig;
using config::DecoderConfig;
using config::ModelConfig;
using config::PaddingEmbed;
using config::Pooling;
using config::Projector;
using config::VisionConfig;

// The largest published mixture has some 50,000 matrices; more than this is a damaged or hostile file.
constexpr int64_t kMaxParameters = 1 << 22;

// Collects the parameters of one component under a prefix.
class Lister {
 public:
  Lister(std::vector<ParameterSpec>& table, Component component) : table_(table), component_(component) {}

  void add(std::string name, std::vector<int64_t> shape, Split split = {}, bool is_expert = false) {
    table_.push_back({std::move(name), std::move(shape), component_, is_expert, std::move(split)});
  }
  // A linear layer: weight [out, in] and, if wanted, bias [out].
  void add_linear(const std::string& name, int64_t out, int64_t in, bool has_bias, const Split& split_of_out = {}) {
    add(name + ".weight", {out, in}, split_of_out);
    if (has_bias) add(name + ".bias", {out}, split_of_out);
  }
  void add_layer_norm(const std::string& name, int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }

 private:
  std::vector<ParameterSpec>& table_;
  Component component_;
};

void list_mlp(Lister& list, const std::string& block, const DecoderConfig& decoder) {
  const int64_t width = decoder.width, hidden = decoder.mlp_width;
  const Split neurons_out{0, hidden, {1}}, neurons_in{1, hidden, {1}};
  list.add(block + "ff_norm.weight", {width});
  if (!decoder.has_experts()) {
    list.add(block + "ff_proj.weight", {2 * hidden, width}, {0, hidden, {1, 1}});
    list.add(block + "ff_out.weight", {width, hidden}, neurons_in);
    return;
  }
  list.add(block + "ffn.router.layer.weight", {decoder.num_experts, width});
  for (int64_t expert = 0; expert < decoder.num_experts; ++expert) {
    const std::string prefix = fmt::format("{}ffn.experts.{}.", block, expert);
    list.add(prefix + "gate_proj.weight", {hidden, width}, neurons_out, /*is_expert=*/true);
    list.add(prefix + "up_proj.weight", {hidden, width}, neurons_out, /*is_expert=*/true);
    list.add(prefix + "down_proj.weight", {width, hidden}, neurons_in, /*is_expert=*/true);
  }
}

void list_decoder(std::vector<ParameterSpec>& table, const DecoderConfig& decoder) {
  Lister list(table, Component::Language);
  Lister connector(table, Component::Connector);
  const int64_t width = decoder.width, query_width = decoder.num_heads * decoder.head_dim,
                kv_width = decoder.kv_width();
  // Key/value heads stay with the query heads that use them.
  const int64_t num_kv_heads = decoder.num_kv_heads, head = decoder.head_dim;
  const int64_t query_group = query_width / num_kv_heads;
  const Split vocabulary{0, decoder.embedding_size, {1}};
  list.add("transformer.wte.embedding", {decoder.embedding_size, width}, vocabulary);
  if (decoder.additional_vocab_size > 0) {
    connector.add("transformer.wte.new_embedding", {decoder.additional_vocab_size, width});
  }
  for (int64_t layer = 0; layer < decoder.num_layers; ++layer) {
    const std::string block = fmt::format("transformer.blocks.{}.", layer);
    list.add(block + "attn_norm.weight", {width});
    list.add_linear(block + "att_proj", query_width + 2 * kv_width, width, decoder.has_qkv_bias,
                    {0, num_kv_heads, {query_group, head, head}});
    if (decoder.has_qk_norm) {
      list.add(block + "q_norm.weight", {query_width}, {0, num_kv_heads, {query_group}});
      list.add(block + "k_norm.weight", {kv_width}, {0, num_kv_heads, {head}});
    }
    list.add(block + "attn_out.weight", {width, query_width}, {1, num_kv_heads, {query_group}});
    list_mlp(list, block, decoder);
  }
  list.add("transformer.ln_f.weight", {width});
  if (!decoder.has_tied_head) list.add("transformer.ff_out.weight", {decoder.embedding_size, width}, vocabulary);
}

// Returns the width of a pooled feature, which is what the projector gets.
int64_t list_pooling(Lister& list, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const ConnectorConfig& connector = config.connector;
  const int64_t feature_width = static_cast<int64_t>(connector.feature_layers.size()) * vision.width;
  switch (connector.pooling) {
    case Pooling::Stack:
      return feature_width * connector.pooling_window[0] * connector.pooling_window[1];
    case Pooling::None:
      return feature_width;
    default:
      break;
  }
  const int64_t wide = connector.pooling == Pooling::Attention2Wide ? 2 : 1;
  const int64_t attention_width = wide * vision.num_heads * vision.head_dim;
  const std::string pooling = "vision_backbone.image_pooling_2d.";
  for (const char* name : {"wq", "wk", "wv"})
    list.add_linear(pooling + name, attention_width, feature_width, /*has_bias=*/true);
  list.add_linear(pooling + "wo", wide * vision.width, attention_width, /*has_bias=*/true);
  return wide * vision.width;
}

void list_gated_mlp(Lister& list, const std::string& prefix, int64_t in, int64_t hidden, int64_t out) {
  list.add(prefix + "w1.weight", {hidden, in});
  list.add(prefix + "w2.weight", {out, hidden});
  list.add(prefix + "w3.weight", {hidden, in});
}

void list_connector(std::vector<ParameterSpec>& table, const ModelConfig& config) {
  Lister list(table, Component::Connector);
  const ConnectorConfig& connector = config.connector;
  const int64_t feature_width = static_cast<int64_t>(connector.feature_layers.size()) * config.vision.width;
  switch (connector.padding_embed) {
    case PaddingEmbed::None:
      break;
    case PaddingEmbed::PadAndPartialPad:
      list.add("vision_backbone.pad_embed", {2, feature_width});
      break;
    case PaddingEmbed::PadEmbed:
    case PaddingEmbed::Regress:
      list.add("vision_backbone.pad_embed", {feature_width});
      break;
  }
  const int64_t in = list_pooling(list, config);
  const int64_t out = config.decoder.width, hidden = connector.mlp_width;
  const std::string projector = "vision_backbone.image_projector.";
  switch (connector.projector) {
    case Projector::Mlp:
      list_gated_mlp(list, projector, in, hidden, out);
      break;
    case Projector::Mlp2:
      list_gated_mlp(list, projector + "0.", in, hidden, out);
      list_gated_mlp(list, projector + "1.submodule.", out, hidden, out);
      break;
    case Projector::Linear:
      list.add(projector + "weight", {out, in});
      break;
  }
}

void list_vision(std::vector<ParameterSpec>& table, const VisionConfig& vision) {
  Lister list(table, Component::Vision);
  const std::string tower = "vision_backbone.image_vit.";
  const int64_t width = vision.width, attention_width = vision.num_heads * vision.head_dim;
  if (vision.has_class_token) list.add(tower + "class_embedding", {width});
  list.add(tower + "positional_embedding", {vision.num_positions, width});
  list.add_linear(tower + "patch_embedding", width, vision.patch_dim(), vision.has_patch_bias);
  if (vision.has_pre_norm) list.add_layer_norm(tower + "pre_ln", width);
  for (int64_t layer = 0; layer < vision.num_layers; ++layer) {
    const std::string block = fmt::format("{}transformer.resblocks.{}.", tower, layer);
    list.add_layer_norm(block + "attention_norm", width);
    for (const char* name : {"wq", "wk", "wv"})
      list.add_linear(block + "attention." + name, attention_width, width, /*has_bias=*/true);
    list.add_linear(block + "attention.wo", width, attention_width, /*has_bias=*/true);
    if (vision.has_layer_scale) list.add(block + "lambda1", {width});
    list.add_layer_norm(block + "ffn_norm", width);
    list.add_linear(block + "feed_forward.w1", vision.mlp_width, width, /*has_bias=*/true);
    list.add_linear(block + "feed_forward.w2", width, vision.mlp_width, /*has_bias=*/true);
    if (vision.has_layer_scale) list.add(block + "lambda2", {width});
  }
}

}  // namespace

int64_t ParameterSpec::count() const {
  int64_t product = 1;
  for (int64_t size : shape) {
    if (__builtin_mul_overflow(product, size, &product)) {
      fail(ErrorCategory::InvalidArgument, "parameter '{}' [{}] is larger than any memory", name,
           fmt::join(shape, ", "));
    }
  }
  return product;
}

bool ParameterSpec::is_packable() const {
  return shape.size() == 2 && !name.ends_with("positional_embedding") && name != "vision_backbone.pad_embed";
}

std::vector<ParameterSpec> parameter_table(const ModelConfig& config) {
  config.validate();
  const int64_t num_expert_matrices = 3 * config.decoder.num_experts * config.decoder.num_layers;
  if (num_expert_matrices > kMaxParameters) {
    fail(ErrorCategory::InvalidArgument,
         "decoder.num_experts is {} in {} blocks, which makes {} matrices; at most {} are handled",
         config.decoder.num_experts, config.decoder.num_layers, num_expert_matrices, kMaxParameters);
  }
  std::vector<ParameterSpec> table;
  list_decoder(table, config.decoder);
  list_connector(table, config);
  list_vision(table, config.vision);
  return table;
}

TensorSlice slice_of(const Split& split, const TensorGroup& group) {
  if (group.is_alone() || split.num_units == 0) return {};
  TensorSlice slice{.axis = split.axis};
  const auto [begin, end] = group.part(split.num_units);
  for (const int64_t unit_size : split.unit_sizes) {
    slice.ranges.push_back({slice.size + begin * unit_size, slice.size + end * unit_size});
    slice.size += split.num_units * unit_size;
  }
  return slice;
}

ParameterCounts count_parameters(const ModelConfig& config) {
  ParameterCounts counts;
  int64_t in_experts = 0;
  for (const ParameterSpec& parameter : parameter_table(config)) {
    const int64_t count = parameter.count();
    if (__builtin_add_overflow(counts.total, count, &counts.total)) {
      fail(ErrorCategory::InvalidArgument, "the configuration has more parameters than any memory holds");
    }
    if (parameter.is_expert) in_experts += count;
    switch (parameter.component) {
      case Component::Vision:
        counts.vision += count;
        break;
      case Component::Connector:
        counts.connector += count;
        break;
      case Component::Language:
        counts.language += count;
        break;
    }
  }
  const DecoderConfig& decoder = config.decoder;
  const int64_t in_active_experts =
      decoder.has_experts() ? in_experts / decoder.num_experts * decoder.num_active_experts : 0;
  counts.active = counts.total - in_experts + in_active_experts;
  return counts;
}

}  // namespace molmo::model
