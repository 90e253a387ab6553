// Text models and vision towers in their own layouts: the miniature models are written under the names of those
// layouts, the other way round, and must come back as they were.
#include "checkpoint/source_weights.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/initial_model.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Tensors = std::map<std::string, at::Tensor>;

// What transformers saves for Qwen2ForCausalLM, Olmo2ForCausalLM and OlmoeForCausalLM, written down by hand.
Tensors text_layout(const Checkpoint& model) {
  const config::DecoderConfig& decoder = model.config().decoder;
  const auto get = [&](const std::string& name) { return model.load_weight(name, {.dtype = DType::F32}); };
  Tensors out = {{"model.embed_tokens.weight", get("transformer.wte.embedding")},
                 {"model.norm.weight", get("transformer.ln_f.weight")},
                 {"lm_head.weight", get("transformer.ff_out.weight")}};
  const int64_t q = decoder.num_heads * decoder.head_dim, kv = decoder.kv_width();
  for (int64_t i = 0; i < decoder.num_layers; ++i) {
    const std::string from = fmt::format("transformer.blocks.{}.", i), to = fmt::format("model.layers.{}.", i);
    for (const char* kind : {"weight", "bias"}) {
      if (kind == std::string("bias") && !decoder.has_qkv_bias) continue;
      const at::Tensor joined = get(from + "att_proj." + kind);
      out[to + "self_attn.q_proj." + kind] = joined.slice(0, 0, q).clone();
      out[to + "self_attn.k_proj." + kind] = joined.slice(0, q, q + kv).clone();
      out[to + "self_attn.v_proj." + kind] = joined.slice(0, q + kv, q + 2 * kv).clone();
    }
    out[to + "self_attn.o_proj.weight"] = get(from + "attn_out.weight");
    if (decoder.has_qk_norm) {
      out[to + "self_attn.q_norm.weight"] = get(from + "q_norm.weight");
      out[to + "self_attn.k_norm.weight"] = get(from + "k_norm.weight");
    }
    const at::Tensor attention_norm = get(from + "attn_norm.weight"), mlp_norm = get(from + "ff_norm.weight");
    if (decoder.has_norm_after) {
      out[to + "post_attention_layernorm.weight"] = attention_norm;
      out[to + "post_feedforward_layernorm.weight"] = mlp_norm;
    } else {
      out[to + "input_layernorm.weight"] = attention_norm;
      out[to + "post_attention_layernorm.weight"] = mlp_norm;
    }
    if (!decoder.has_experts()) {
      const at::Tensor halves = get(from + "ff_proj.weight");
      out[to + "mlp.up_proj.weight"] = halves.slice(0, 0, decoder.mlp_width).clone();
      out[to + "mlp.gate_proj.weight"] = halves.slice(0, decoder.mlp_width).clone();
      out[to + "mlp.down_proj.weight"] = get(from + "ff_out.weight");
      continue;
    }
    out[to + "mlp.gate.weight"] = get(from + "ffn.router.layer.weight");
    for (int64_t expert = 0; expert < decoder.num_experts; ++expert) {
      for (const char* matrix : {"gate_proj", "up_proj", "down_proj"}) {
        out[fmt::format("{}mlp.experts.{}.{}.weight", to, expert, matrix)] =
            get(fmt::format("{}ffn.experts.{}.{}.weight", from, expert, matrix)).contiguous();
      }
    }
  }
  return out;
}

// What transformers saves for CLIPModel, SiglipModel and Dinov2Model: with parts on top that a Molmo does not use.
Tensors vision_layout(const Checkpoint& model, const std::string& kind) {
  const config::VisionConfig& vision = model.config().vision;
  const bool is_dino = kind == "dinov2";
  const std::string tower = "vision_backbone.image_vit.", prefix = is_dino ? "" : "vision_model.";
  const auto get = [&](const std::string& name) { return model.load_weight(tower + name, {.dtype = DType::F32}); };
  Tensors out;
  const auto put = [&](const std::string& name, const at::Tensor& tensor) { out[prefix + name] = tensor.contiguous(); };
  const auto put_both = [&](const std::string& name, const std::string& from) {
    put(name + ".weight", get(from + ".weight"));
    put(name + ".bias", get(from + ".bias"));
  };
  const at::Tensor kernel =
      get("patch_embedding.weight").view({vision.width, vision.patch_size, vision.patch_size, 3}).permute({0, 3, 1, 2});
  put(is_dino ? "embeddings.patch_embeddings.projection.weight" : "embeddings.patch_embedding.weight", kernel);
  if (vision.has_patch_bias)
    put(is_dino ? "embeddings.patch_embeddings.projection.bias" : "embeddings.patch_embedding.bias",
        get("patch_embedding.bias"));
  if (is_dino) {
    put("embeddings.cls_token", get("class_embedding").view({1, 1, -1}));
    put("embeddings.position_embeddings", get("positional_embedding").unsqueeze(0));
    put("embeddings.mask_token", at::zeros({1, vision.width}));
  } else {
    if (vision.has_class_token) put("embeddings.class_embedding", get("class_embedding"));
    put("embeddings.position_embedding.weight", get("positional_embedding"));
    put("embeddings.position_ids", at::arange(vision.num_positions, at::kLong).unsqueeze(0));
    out["text_model.embeddings.token_embedding.weight"] = at::zeros({3, 2});
    out["logit_scale"] = at::zeros({});
  }
  if (vision.has_pre_norm) put_both("pre_layrnorm", "pre_ln");
  for (int64_t i = 0; i < vision.num_layers; ++i) {
    const std::string from = fmt::format("transformer.resblocks.{}.", i);
    const std::string to = fmt::format("{}{}.", is_dino ? "encoder.layer." : "encoder.layers.", i);
    const std::array<std::pair<const char*, const char*>, 4> clip = {{{"wq", "self_attn.q_proj"},
                                                                      {"wk", "self_attn.k_proj"},
                                                                      {"wv", "self_attn.v_proj"},
                                                                      {"wo", "self_attn.out_proj"}}};
    const std::array<std::pair<const char*, const char*>, 4> dino = {{{"wq", "attention.attention.query"},
                                                                      {"wk", "attention.attention.key"},
                                                                      {"wv", "attention.attention.value"},
                                                                      {"wo", "attention.output.dense"}}};
    for (const auto& [ours, theirs] : is_dino ? dino : clip) put_both(to + theirs, from + "attention." + ours);
    put_both(to + "mlp.fc1", from + "feed_forward.w1");
    put_both(to + "mlp.fc2", from + "feed_forward.w2");
    put_both(to + (is_dino ? "norm1" : "layer_norm1"), from + "attention_norm");
    put_both(to + (is_dino ? "norm2" : "layer_norm2"), from + "ffn_norm");
    if (is_dino) {
      put(to + "layer_scale1.lambda1", get(from + "lambda1"));
      put(to + "layer_scale2.lambda1", get(from + "lambda2"));
    }
  }
  // The block behind the last one that is used, and the norm on top.
  put(fmt::format("encoder.layers.{}.mlp.fc1.weight", vision.num_layers), at::zeros({2, 2}));
  put(is_dino ? "layernorm.weight" : "post_layernorm.weight", at::zeros({vision.width}));
  return out;
}

void expect_component(const SourceWeights& source, const Checkpoint& model, model::Component component) {
  size_t count = 0;
  for (const auto& parameter : model::parameter_table(model.config())) {
    EXPECT_EQ(source.has(parameter.name), parameter.component == component) << parameter.name;
    if (parameter.component != component) continue;
    EXPECT_TRUE(at::equal(source.load(parameter.name), model.load_weight(parameter.name, {.dtype = DType::F32})))
        << parameter.name;
    ++count;
  }
  EXPECT_GT(count, 10u);
}

TEST(SourceWeights, TextModelsComeBackAsTheyWere) {
  for (const std::string name : {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip"}) {
    SCOPED_TRACE(name);
    const Checkpoint model = Checkpoint::open(test::checkpoint_path(name));
    test::TemporaryFolder folder;
    write_safetensors(folder.path() / "model.safetensors", text_layout(model));
    expect_component(open_text_model(folder.path(), model.config().decoder), model, model::Component::Language);
  }
}

TEST(SourceWeights, VisionTowersComeBackAsTheyWere) {
  const std::pair<std::string, std::string> cases[] = {{"P1-qwen2-clip", "clip"},
                                                       {"P4-qwen2-siglip", "siglip"},
                                                       {"P5-qwen2-dinov2", "dinov2"},
                                                       {"P6-qwen2-metaclip", "clip"}};
  for (const auto& [name, kind] : cases) {
    SCOPED_TRACE(name);
    const Checkpoint model = Checkpoint::open(test::checkpoint_path(name));
    test::TemporaryFolder folder;
    write_safetensors(folder.path() / "model.safetensors", vision_layout(model, kind));
    expect_component(open_vision_tower(folder.path(), model.config().vision), model, model::Component::Vision);
  }
}

// Cubic convolution with a = -0.75 and clamped borders at a place between the values 0, 1, ... squared, size of them.
double cubic_of_squares(double place, int64_t size) {
  const auto kernel = [](double x) {
    x = std::abs(x);
    if (x <= 1) return (1.25 * x - 2.25) * x * x + 1;
    return x < 2 ? ((-0.75 * x + 3.75) * x - 6) * x + 3 : 0;
  };
  const auto first = static_cast<int64_t>(std::floor(place)) - 1;
  double sum = 0;
  for (int64_t i = first; i < first + 4; ++i) {
    const auto source = static_cast<double>(std::clamp<int64_t>(i, 0, size - 1));
    sum += kernel(place - static_cast<double>(i)) * source * source;
  }
  return sum;
}

TEST(SourceWeights, PositionsOfAnotherGridAreInterpolated) {
  const Checkpoint model = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  config::VisionConfig vision = model.config().vision;
  Tensors tensors = vision_layout(model, "clip");
  const auto [rows, columns] = vision.patch_grid();
  const int64_t side = 2 * rows + 3;
  const at::Tensor row = at::arange(side, at::kFloat).square().view({side, 1, 1}).expand({side, side, vision.width});
  at::Tensor table = at::cat({at::zeros({1, vision.width}) - 7, row.reshape({side * side, -1})}, 0);
  tensors["vision_model.embeddings.position_embedding.weight"] = table;
  test::TemporaryFolder folder;
  write_safetensors(folder.path() / "model.safetensors", tensors);
  const at::Tensor found =
      open_vision_tower(folder.path(), vision).load("vision_backbone.image_vit.positional_embedding");
  ASSERT_EQ(found.sizes(), at::IntArrayRef({vision.num_positions, vision.width}));
  EXPECT_EQ(found[0][0].item<double>(), -7);
  const double scale = (static_cast<double>(rows) + 0.1) / static_cast<double>(side);
  for (int64_t r = 0; r < rows; ++r) {
    const double source = (static_cast<double>(r) + 0.5) / scale - 0.5;  // half-pixel centres
    const double expected = cubic_of_squares(source, side);
    EXPECT_NEAR(found[1 + r * columns + columns / 2][3].item<double>(), expected, 1e-5 * (1 + std::abs(expected)));
  }
  tensors["vision_model.embeddings.position_embedding.weight"] = table.slice(0, 0, side * side).contiguous();
  write_safetensors(folder.path() / "model.safetensors", tensors);
  EXPECT_THROW(open_vision_tower(folder.path(), vision).load("vision_backbone.image_vit.positional_embedding"), Error);
}

TEST(SourceWeights, ASharedHeadIsTheEmbedding) {
  const Checkpoint model = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  Tensors tensors = text_layout(model);
  tensors.erase("lm_head.weight");
  test::TemporaryFolder folder;
  write_safetensors(folder.path() / "model.safetensors", tensors);
  const SourceWeights source = open_text_model(folder.path(), model.config().decoder);
  EXPECT_TRUE(at::equal(source.load("transformer.ff_out.weight"), tensors.at("model.embed_tokens.weight")));
}

TEST(SourceWeights, NamesWhatIsMissingOrOfAnotherSize) {
  const Checkpoint model = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  const auto message = [&](const Tensors& tensors, config::DecoderConfig decoder) {
    test::TemporaryFolder folder;
    write_safetensors(folder.path() / "model.safetensors", tensors);
    try {
      open_text_model(folder.path(), decoder).load("transformer.blocks.0.ff_proj.weight");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const Tensors tensors = text_layout(model);
  config::DecoderConfig decoder = model.config().decoder;
  EXPECT_EQ(message(tensors, decoder), "no error");
  decoder.mlp_width += 8;
  EXPECT_THAT(message(tensors, decoder), HasSubstr("'layers.0.mlp.up_proj.weight' gives"));
  decoder = model.config().decoder;
  decoder.num_layers += 1;
  EXPECT_THAT(message(tensors, decoder),
              HasSubstr(fmt::format("has no tensor 'layers.{}.input_layernorm.weight'", decoder.num_layers - 1)));
}

// A start from parts: the decoder is the text model's, the tower the vision model's, the connector is drawn.
TEST(InitialModel, JoinsATextModelAndATower) {
  const Checkpoint text = Checkpoint::open(test::checkpoint_path("P2-olmo-clip"));
  const Checkpoint vision = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  test::TemporaryFolder folder;
  const fs::path text_folder = folder.path() / "text", vision_folder = folder.path() / "vision";
  fs::create_directories(text_folder);
  fs::create_directories(vision_folder);
  write_safetensors(text_folder / "model.safetensors", text_layout(text));
  write_safetensors(vision_folder / "model.safetensors", vision_layout(vision, "clip"));
  const config::DecoderConfig& decoder = text.config().decoder;
  write_json_file(text_folder / "config.json", {{"model_type", "olmo2"},
                                                {"hidden_size", decoder.width},
                                                {"num_hidden_layers", decoder.num_layers},
                                                {"num_attention_heads", decoder.num_heads},
                                                {"num_key_value_heads", decoder.num_kv_heads},
                                                {"intermediate_size", decoder.mlp_width},
                                                {"vocab_size", decoder.embedding_size},
                                                {"rope_theta", decoder.rope_theta},
                                                {"rms_norm_eps", decoder.norm_eps}});
  config::InitialWeights init;
  init.model = vision.folder().string();
  init.language = text_folder.string();
  init.vision = vision_folder.string();
  init.tokenizer = text.tokenizer_folder().string();
  init.seed = 3;
  const InitialModel initial = open_initial_model(init);
  EXPECT_TRUE(initial.config.decoder.has_norm_after && initial.config.decoder.has_qk_norm);
  EXPECT_EQ(initial.config.decoder.width, decoder.width);
  for (const auto& [name, weight] : initial.load_all()) {
    const bool is_new =
        name.find("image_projector") != std::string::npos || name.find("image_pooling") != std::string::npos;
    if (name.starts_with("transformer.blocks.")) {
      EXPECT_TRUE(at::equal(weight, text.load_weight(name, {.dtype = DType::F32}))) << name;
    } else if (name.starts_with("vision_backbone.image_vit.")) {
      EXPECT_TRUE(at::equal(weight, vision.load_weight(name, {.dtype = DType::F32}))) << name;
    } else if (is_new && name.ends_with(".weight")) {
      EXPECT_NEAR(weight.std().item<double>(), 0.02, 0.004) << name;
    } else if (name == "vision_backbone.pad_embed") {
      EXPECT_EQ(weight.abs().max().item<double>(), 0);
    }
  }
}

// A text model's tokenizer has no image tokens: they are put behind the vocabulary.
TEST(InitialModel, GivesATextTokenizerTheImageTokens) {
  const Checkpoint model = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  test::TemporaryFolder folder;
  Json document = read_json_file(model.tokenizer_folder() / "tokenizer.json");
  Json kept = Json::array();
  for (const Json& token : document.at("added_tokens")) {
    if (token.at("id").get<int64_t>() < model.config().decoder.vocab_size) kept.push_back(token);
  }
  document["added_tokens"] = kept;
  fs::create_directories(folder.path() / "text");
  write_json_file(folder.path() / "text" / "tokenizer.json", document);
  fs::copy_file(model.tokenizer_folder() / "tokenizer_config.json", folder.path() / "text" / "tokenizer_config.json");
  config::InitialWeights init;
  init.model = model.folder().string();
  init.tokenizer = (folder.path() / "text").string();
  fs::create_directories(folder.path() / "run");
  open_initial_model(init).write_tokenizer(folder.path() / "run");
  const Json written = read_json_file(folder.path() / "run" / "tokenizer.json");
  std::map<std::string, int64_t> ids;
  for (const Json& token : written.at("added_tokens")) ids[token.at("content")] = token.at("id").get<int64_t>();
  EXPECT_EQ(ids.at("<im_start>"), model.config().image_start_id());
  EXPECT_EQ(ids.at("<|image|>"), model.config().image_placeholder_id());
}

}  // namespace
}  // namespace molmo::checkpoint
