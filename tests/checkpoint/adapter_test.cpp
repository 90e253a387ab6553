#include "checkpoint/adapter.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/convert.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kAttention = "transformer.blocks.1.att_proj.weight";

// Rank 2 on one attention projection of P6 ([96, 64]).
model::Adapter example() {
  model::Adapter adapter{2, 6, {"att_proj"}, {}};
  adapter.updates[kAttention] = {at::randn({2, 64}), at::randn({96, 2}), 3};
  return adapter;
}

config::ModelConfig config_of(const std::string& name) {
  return Checkpoint::open(test::checkpoint_path(name)).config();
}

TEST(Adapter, RoundTripsInPeftLayout) {
  test::TemporaryFolder folder;
  const model::Adapter adapter = example();
  write_adapter(folder.path(), adapter, config_of("P6-qwen2-metaclip"), "allenai/Molmo-72B-0924");
  const SafetensorsFile file = SafetensorsFile::open(folder.path() / "adapter_model.safetensors");
  EXPECT_TRUE(file.contains("base_model.model.model.transformer.blocks.1.att_proj.lora_A.weight"));
  EXPECT_EQ(read_json_file(folder.path() / "adapter_config.json").at("base_model_name_or_path"),
            "allenai/Molmo-72B-0924");

  const model::Adapter found = read_adapter(folder.path(), config_of("P6-qwen2-metaclip"));
  EXPECT_EQ(found.rank, 2);
  EXPECT_EQ(found.alpha, 6);
  EXPECT_THAT(found.target_modules, ElementsAre("att_proj"));
  ASSERT_EQ(found.updates.size(), 1u);
  EXPECT_EQ(found.updates.at(kAttention).scale, 3);
  EXPECT_TRUE(at::equal(found.updates.at(kAttention).a, adapter.updates.at(kAttention).a));
  EXPECT_TRUE(at::equal(found.updates.at(kAttention).b, adapter.updates.at(kAttention).b));
}

TEST(Adapter, UsesMolmoEsNamesForItsModules) {
  test::TemporaryFolder folder;
  model::Adapter adapter{1, 1, {}, {}};
  adapter.updates["transformer.blocks.0.ffn.experts.3.down_proj.weight"] = {at::randn({1, 32}), at::randn({64, 1}), 1};
  adapter.updates["transformer.ff_out.weight"] = {at::randn({1, 64}), at::randn({768, 1}), 1};
  const auto config = config_of("P3-olmoe-clip");
  write_adapter(folder.path(), adapter, config);
  const SafetensorsFile file = SafetensorsFile::open(folder.path() / "adapter_model.safetensors");
  EXPECT_TRUE(file.contains("base_model.model.model.transformer.blocks.0.mlp.experts.3.down_proj.lora_B.weight"));
  EXPECT_TRUE(file.contains("base_model.model.lm_head.lora_A.weight"));
  const model::Adapter found = read_adapter(folder.path(), config);
  EXPECT_EQ(found.updates.size(), 2u);
  EXPECT_THAT(found.target_modules, ElementsAre("down_proj", "lm_head"));
}

TEST(Adapter, ScaleFollowsTheConfiguration) {
  test::TemporaryFolder folder;
  const auto config = config_of("P6-qwen2-metaclip");
  write_adapter(folder.path(), example(), config);
  const auto scale_with = [&](const std::function<void(Json&)>& change) {
    Json document = read_json_file(folder.path() / "adapter_config.json");
    change(document);
    write_json_file(folder.path() / "adapter_config.json", document);
    return read_adapter(folder.path(), config).updates.at(kAttention).scale;
  };
  EXPECT_DOUBLE_EQ(scale_with([](Json& json) { json["use_rslora"] = true; }), 6 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(scale_with([](Json& json) {
                     json["use_rslora"] = false, json["alpha_pattern"] = {{"att_proj", 10}};
                   }),
                   5);
  EXPECT_DOUBLE_EQ(scale_with([](Json& json) { json["alpha_pattern"] = {{"t_proj", 10}}; }), 3);  // no part of a name
}

// y = W x + scale B (A x), written out.
TEST(Adapter, MergesIntoTheWeights) {
  const model::Adapter adapter = example();
  const auto& update = adapter.updates.at(kAttention);
  const at::Tensor weight = at::randn({96, 64}), x = at::randn({64});
  const at::Tensor merged = merge_update(weight, update);
  EXPECT_TRUE(at::allclose(merged.mv(x), weight.mv(x).add(update.b.mv(update.a.mv(x)), 3), 1e-4, 1e-4));
  EXPECT_EQ(merge_update(weight.to(at::kBFloat16), update).scalar_type(), at::kBFloat16);

  std::map<std::string, at::Tensor> weights = {{kAttention, weight}, {"other", x}};
  merge_adapter(weights, adapter);
  EXPECT_TRUE(at::equal(weights.at(kAttention), merged));
  EXPECT_TRUE(at::equal(weights.at("other"), x));
  weights.erase(kAttention);
  EXPECT_THROW(merge_adapter(weights, adapter), Error);
}

TEST(Adapter, ConvertMergesIt) {
  test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P6-qwen2-metaclip");
  write_adapter(folder.path() / "lora", example(), config_of("P6-qwen2-metaclip"));
  convert_checkpoint(input, folder.path() / "merged", {.adapter = folder.path() / "lora"});
  auto expected = Checkpoint::open(input).load_weights();
  merge_adapter(expected, read_adapter(folder.path() / "lora", config_of("P6-qwen2-metaclip")));
  for (const auto& [name, tensor] : Checkpoint::open(folder.path() / "merged").load_weights())
    EXPECT_TRUE(at::equal(tensor, expected.at(name))) << name;
}

TEST(Adapter, RefusesWhatItCannotApply) {
  const auto config = config_of("P6-qwen2-metaclip");
  using Tensors = std::map<std::string, at::Tensor>;
  const auto message = [&](const std::function<void(Json&, Tensors&)>& change) -> std::string {
    test::TemporaryFolder folder;
    write_adapter(folder.path(), example(), config);
    Json document = read_json_file(folder.path() / "adapter_config.json");
    Tensors tensors;
    {
      const SafetensorsFile file = SafetensorsFile::open(folder.path() / "adapter_model.safetensors");
      for (const auto& [name, entry] : file.entries()) tensors[name] = file.tensor(name).clone();
    }
    change(document, tensors);
    write_json_file(folder.path() / "adapter_config.json", document);
    write_safetensors(folder.path() / "adapter_model.safetensors", tensors);
    try {
      read_adapter(folder.path(), config);
      return "accepted";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const std::string prefix = "base_model.model.model.transformer.", module = prefix + "blocks.1.att_proj";
  EXPECT_EQ(message([](Json&, Tensors&) {}), "accepted");
  EXPECT_THAT(message([](Json& json, Tensors&) { json["peft_type"] = "PROMPT_TUNING"; }),
              HasSubstr("peft_type is \"PROMPT_TUNING\", only \"LORA\""));
  EXPECT_THAT(message([](Json& json, Tensors&) { json["use_dora"] = true; }), HasSubstr("use_dora is true"));
  EXPECT_THAT(message([](Json& json, Tensors&) { json["bias"] = "all"; }), HasSubstr("bias is \"all\""));
  EXPECT_THAT(message([](Json& json, Tensors&) { json["modules_to_save"] = {"lm_head"}; }),
              HasSubstr("modules_to_save"));
  EXPECT_THAT(message([](Json& json, Tensors&) { json.erase("r"); }), HasSubstr("r: is missing"));
  EXPECT_THAT(message([](Json& json, Tensors&) { json["r"] = 0; }), HasSubstr("r is 0, expected at least 1"));
  EXPECT_THAT(message([&](Json&, Tensors& tensors) { tensors.erase(module + ".lora_B.weight"); }),
              HasSubstr("but not '" + module + ".lora_B.weight'"));
  EXPECT_THAT(message([&](Json&, Tensors& tensors) {
                tensors[module + ".lora_A.weight"] = at::zeros({2, 65});
              }),
              HasSubstr("A is [2, 65] and B is [96, 2], a weight of [96, 64] needs [r, 64] and [96, r]"));
  EXPECT_THAT(message([&](Json&, Tensors& tensors) {
                tensors[prefix + "blocks.7.att_proj.lora_A.weight"] = at::zeros({2, 64});
              }),
              HasSubstr("updates no linear layer of this model"));
  EXPECT_THAT(message([&](Json&, Tensors& tensors) {
                tensors[prefix + "wte.lora_embedding_A"] = at::zeros({2, 64});
              }),
              HasSubstr("is not half of a LoRA update"));
  EXPECT_THAT(message([&](Json&, Tensors& tensors) { tensors.clear(); }), HasSubstr("has no tensors"));
  test::TemporaryFolder empty;
  EXPECT_THROW(read_adapter(empty.path(), config), Error);
}

}  // namespace
}  // namespace molmo::checkpoint
