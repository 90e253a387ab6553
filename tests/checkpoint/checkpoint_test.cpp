#include "checkpoint/checkpoint.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/fields.h"
#include "fixtures.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {
namespace {

using ::testing::HasSubstr;

Json golden_numbers(const std::string& name) {
  return read_json_file(test::fixture_path("model/" + name + "/expected.json"));
}

TEST(Checkpoint, OpensEveryMiniatureModel) {
  for (const std::string& name : test::model_cases()) {
    const Checkpoint checkpoint = Checkpoint::open(test::checkpoint_path(name));
    const Json expected = golden_numbers(name);
    EXPECT_EQ(model::count_parameters(checkpoint.config()).total, expected.at("n_params").get<int64_t>()) << name;
    const auto weights = checkpoint.load_weights();
    for (const auto& parameter : model::parameter_table(checkpoint.config())) {
      EXPECT_EQ(weights.at(parameter.name).sizes().vec(), parameter.shape) << parameter.name;
    }
    EXPECT_TRUE(std::filesystem::exists(checkpoint.tokenizer_folder() / "tokenizer.json"));
  }
}

TEST(Checkpoint, ReadsTheConfigurationThatTheGoldenNumbersWereMadeWith) {
  for (const std::string& name : test::model_cases()) {
    const config::ModelConfig config = Checkpoint::open(test::checkpoint_path(name)).config();
    const Json expected = golden_numbers(name).at("config");
    const Json& decoder = expected.at("ldims");
    EXPECT_EQ(config.decoder.width, decoder.at("d_model").get<int64_t>()) << name;
    EXPECT_EQ(config.decoder.num_layers, decoder.at("n_layers").get<int64_t>()) << name;
    EXPECT_EQ(config.decoder.num_heads, decoder.at("n_heads").get<int64_t>()) << name;
    EXPECT_EQ(config.decoder.vocab_size, decoder.at("vocab_size").get<int64_t>()) << name;
    EXPECT_EQ(config.decoder.embedding_size, decoder.at("embedding_size").get<int64_t>()) << name;
    EXPECT_EQ(config.connector.feature_layers, expected.at("vit_layers").get<std::vector<int64_t>>()) << name;
    EXPECT_EQ(config.image_input.max_crops, expected.at("max_crops").get<int64_t>()) << name;
    const Json& vision = expected.at("vdims");
    EXPECT_EQ(config.vision.width, vision.at("image_emb_dim").get<int64_t>()) << name;
    EXPECT_EQ(config.vision.num_layers, vision.at("image_num_layers").get<int64_t>()) << name;
    EXPECT_EQ(config.vision.mlp_width, vision.at("image_mlp_dim").get<int64_t>()) << name;
  }
}

// What a README of the golden numbers says of each model, and the files must lead to.
TEST(Checkpoint, TellsTheArchitecturesApart) {
  const auto open = [](const std::string& name) { return Checkpoint::open(test::checkpoint_path(name)).config(); };
  const auto qwen = open("P1-qwen2-clip"), olmo = open("P2-olmo-clip"), olmoe = open("P3-olmoe-clip");
  EXPECT_TRUE(qwen.decoder.has_qkv_bias && !qwen.decoder.has_qk_norm && !qwen.decoder.has_norm_after);
  EXPECT_EQ(qwen.decoder.num_kv_heads, 2);
  EXPECT_EQ(qwen.decoder.rope_theta, 1e6);
  EXPECT_EQ(qwen.decoder.norm_eps, 1e-6);
  EXPECT_TRUE(!olmo.decoder.has_qkv_bias && olmo.decoder.has_qk_norm && olmo.decoder.has_norm_after);
  EXPECT_EQ(olmo.decoder.num_kv_heads, 3);
  EXPECT_EQ(olmo.decoder.rope_theta, 5e5);
  EXPECT_TRUE(olmoe.decoder.has_experts() && olmoe.decoder.has_qk_norm && !olmoe.decoder.has_norm_after);
  EXPECT_EQ(olmoe.decoder.num_experts, 8);
  EXPECT_EQ(olmoe.decoder.num_active_experts, 2);
  EXPECT_EQ(olmoe.decoder.mlp_width, 32);
  EXPECT_EQ(olmoe.connector.mlp_width, 32);
  EXPECT_EQ(olmoe.decoder.norm_eps, 1e-5);
  EXPECT_EQ(olmoe.decoder.rope_theta, 1e4);
  EXPECT_EQ(olmoe.decoder.max_sequence_length, 2048);

  const auto siglip = open("P4-qwen2-siglip"), dino = open("P5-qwen2-dinov2"), metaclip = open("P6-qwen2-metaclip");
  EXPECT_EQ(siglip.image_input.resize_mode, config::ResizeMode::StretchBilinear);
  EXPECT_EQ(siglip.image_input.normalization, config::PixelNormalization::SigLip);
  EXPECT_EQ(siglip.vision.activation, config::Activation::GeluTanh);
  EXPECT_EQ(siglip.tokens_per_crop(), 196);
  EXPECT_TRUE(dino.vision.has_layer_scale && !dino.vision.has_pre_norm);
  EXPECT_EQ(dino.image_input.normalization, config::PixelNormalization::ImageNet);
  EXPECT_EQ(dino.image_input.resize_mode, config::ResizeMode::StretchBicubic);
  EXPECT_EQ(metaclip.image_input.resize_mode, config::ResizeMode::StretchBicubic);
  EXPECT_EQ(metaclip.image_input.normalization, config::PixelNormalization::Clip);
  EXPECT_EQ(metaclip.decoder.norm_eps, 1e-5);
}

// Two layouts, written by two programs: PyTorch's pickles and safetensors' files.
TEST(Checkpoint, LayoutsOfOneModelAgree) {
  int num_compared = 0;
  for (const std::string& name : test::model_cases()) {
    if (!test::has_fixture("model/" + name + "/hf/config.json") ||
        !test::has_fixture("model/" + name + "/native/model.pt"))
      continue;
    const auto folder_of = [&](const std::string& file) {
      return test::fixture_path("model/" + name + file).parent_path();
    };
    const Checkpoint hf = Checkpoint::open(folder_of("/hf/config.json")),
                     native = Checkpoint::open(folder_of("/native/model.pt"));
    EXPECT_EQ(native.layout(), Layout::Native);
    EXPECT_EQ(hf.layout(), Layout::HuggingFace);
    EXPECT_EQ(write_fields(hf.config()), write_fields(native.config())) << name;
    const auto native_weights = native.load_weights();
    for (const auto& [key, tensor] : hf.load_weights()) {
      ++num_compared;
      EXPECT_TRUE(at::equal(tensor, native_weights.at(key))) << name << " " << key;
    }
  }
  EXPECT_GT(num_compared, 0);
}

TEST(Checkpoint, GivesViewsOfTheStoredType) {
  const Checkpoint checkpoint = Checkpoint::open(test::checkpoint_path("P2-olmo-clip"));
  const std::string name = "transformer.blocks.1.att_proj.weight";
  const at::Tensor first = checkpoint.load_weight(name), second = checkpoint.load_weight(name, {.dtype = DType::F32});
  EXPECT_EQ(first.const_data_ptr(), second.const_data_ptr());
  EXPECT_EQ(checkpoint.weights().at(name).type, StoredType::F32);
}

TEST(Checkpoint, ConvertsToTheAskedType) {
  const auto f32 = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip")).load_weights({.dtype = DType::BF16});
  const Checkpoint stored =
      Checkpoint::open(test::fixture_path("model/P1-qwen2-clip/hf-bf16/config.json").parent_path());
  for (const auto& [name, tensor] : stored.load_weights()) {
    EXPECT_EQ(tensor.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(at::equal(tensor, f32.at(name))) << name;  // rounded by PyTorch in Python
  }
}

TEST(Checkpoint, LoadsAFolderOfLinks) {
  test::TemporaryFolder folder;
  const auto snapshot = folder.path() / "snapshots" / "abc";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_directories(folder.path() / "blobs");
  int blob = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::checkpoint_path("P1-qwen2-clip"))) {
    const std::string blob_name = std::to_string(blob++);
    std::filesystem::copy(entry.path(), folder.path() / "blobs" / blob_name);
    std::filesystem::create_symlink(std::filesystem::path("../../blobs") / blob_name,
                                    snapshot / entry.path().filename());
  }
  const auto weights = Checkpoint::open(snapshot).load_weights();
  for (const auto& [name, tensor] : Checkpoint::open(test::checkpoint_path("P1-qwen2-clip")).load_weights()) {
    EXPECT_TRUE(at::equal(tensor, weights.at(name))) << name;
  }
}

}  // namespace
}  // namespace molmo::checkpoint
