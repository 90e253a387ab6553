// Folders that are not what they claim to be: each gives one clear error.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"
#include "torch_writer.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A copy of a miniature checkpoint that a test may spoil.
class Copy {
 public:
  explicit Copy(const std::string& name) { fs::copy(test::checkpoint_path(name), path(), fs::copy_options::recursive); }
  fs::path path() const { return folder_.path() / "model"; }

  void change_json(const std::string& file, const std::function<void(Json&)>& change) const {
    Json document = read_json_file(path() / file);
    change(document);
    write_json_file(path() / file, document);
  }
  void replace_text(const std::string& file, const std::string& old_text, const std::string& new_text) const {
    std::string text = read_file(path() / file);
    const size_t position = text.find(old_text);
    if (position == std::string::npos) throw std::runtime_error("not in the file: " + old_text);
    write_file_atomic(path() / file, text.replace(position, old_text.size(), new_text));
  }
  void change_tensors(const std::string& file,
                      const std::function<void(std::map<std::string, at::Tensor>&)>& change) const {
    std::map<std::string, at::Tensor> tensors;
    {
      const SafetensorsFile stored = SafetensorsFile::open(path() / file);
      for (const auto& [name, entry] : stored.entries()) tensors[name] = stored.tensor(name).clone();
    }
    change(tensors);
    write_safetensors(path() / file, tensors);
  }

 private:
  test::TemporaryFolder folder_;
};

struct Refusal {
  std::string message;
  ErrorCategory category;
};

Refusal open(const fs::path& folder) {
  try {
    Checkpoint::open(folder);
    return {"accepted", ErrorCategory::Internal};
  } catch (const Error& error) {
    return {error.what(), error.category()};
  }
}

void expect_refused(const fs::path& folder, ErrorCategory category, const std::string& text) {
  const Refusal refusal = open(folder);
  EXPECT_THAT(refusal.message, HasSubstr(text));
  EXPECT_EQ(to_string(refusal.category), to_string(category)) << refusal.message;
}

TEST(BadCheckpoint, FolderIsNotThereOrNotOne) {
  test::TemporaryFolder folder;
  expect_refused(folder.path() / "nothing", ErrorCategory::NotFound, "nothing: does not exist");
  expect_refused(folder.path(), ErrorCategory::NotFound,
                 "has neither config.json (Hugging Face layout) nor config.yaml (native layout)");
  write_file_atomic(folder.path() / "model.safetensors", "");
  expect_refused(folder.path() / "model.safetensors", ErrorCategory::InvalidArgument,
                 "is a file, expected the folder of a checkpoint");
}

TEST(BadCheckpoint, WeightsAreMissing) {
  const Copy copy("P6-qwen2-metaclip");
  fs::remove(copy.path() / "model.safetensors");
  expect_refused(copy.path(), ErrorCategory::NotFound,
                 "has no weights, expected model.safetensors or model.safetensors.index.json");
  write_file_atomic(copy.path() / "pytorch_model.bin", "x");
  expect_refused(copy.path(), ErrorCategory::Unsupported, "only as pytorch_model.bin");
  const Copy native("P2-olmo-clip");
  fs::remove(native.path() / "model.pt");
  expect_refused(native.path(), ErrorCategory::NotFound, "has config.yaml but no model.pt");
}

TEST(BadCheckpoint, ShardIsCutOffOrMissing) {
  const Copy copy("P1-qwen2-clip");
  const fs::path shard = copy.path() / "model-00002-of-00002.safetensors";
  fs::resize_file(shard, fs::file_size(shard) - 100);
  expect_refused(copy.path(), ErrorCategory::BadData, "Was it cut off while copying?");
  fs::resize_file(shard, 100);
  expect_refused(copy.path(), ErrorCategory::BadData, "the safetensors header claims");
  fs::remove(shard);
  expect_refused(copy.path(), ErrorCategory::NotFound,
                 "shard 'model-00002-of-00002.safetensors' is listed, but it is not in the folder");
  const Copy native("P2-olmo-clip");
  fs::resize_file(native.path() / "model.pt", 500'000);
  expect_refused(native.path(), ErrorCategory::BadData, "it has no end record. Was it cut off while copying");
}

TEST(BadCheckpoint, IndexLies) {
  const std::string index = "model.safetensors.index.json", first = "model-00001-of-00002.safetensors",
                    second = "model-00002-of-00002.safetensors";
  const auto with_index = [&](ErrorCategory category, const std::function<void(Json&)>& change,
                              const std::string& text) {
    const Copy copy("P1-qwen2-clip");
    copy.change_json(index, change);
    expect_refused(copy.path(), category, text);
  };
  const std::string tensor = "model.transformer.blocks.0.att_proj.bias";
  for (const char* name : {"../model.safetensors", "/etc/passwd", "..", ".", "", "a/b", "a\\b"}) {
    with_index(
        ErrorCategory::BadData, [&](Json& json) { json["weight_map"][tensor] = name; },
        "is not the name of a file in this folder");
  }
  with_index(
      ErrorCategory::BadData, [&](Json& json) { json["weight_map"][tensor] = std::string("a\0b", 3); },
      "has control characters");
  with_index(
      ErrorCategory::BadData, [&](Json& json) { json["weight_map"][tensor] = second; },
      "'" + tensor + "' should be in " + second + ", but it is in " + first + ". Do the shards belong together?");
  with_index(
      ErrorCategory::BadData, [&](Json& json) { json["weight_map"]["model.ghost"] = first; },
      "'model.ghost' should be in " + first + ", but no shard has it");
  with_index(
      ErrorCategory::BadData, [&](Json& json) { json["weight_map"][tensor] = 1; }, "has no file name");
  with_index(
      ErrorCategory::BadData, [&](Json& json) { json.erase("weight_map"); }, "has no weight_map");
  const Copy copy("P1-qwen2-clip");
  write_file_atomic(copy.path() / index, "{\"weight_map\": {\"a\": \"b\", \"a\": \"c\"}}");
  expect_refused(copy.path(), ErrorCategory::BadData, "key 'a' appears twice");
  write_file_atomic(copy.path() / index, "{\"weight_map\": {");
  expect_refused(copy.path(), ErrorCategory::BadData, "not valid JSON");
  write_file_atomic(copy.path() / index, std::string(100'000, '['));
  expect_refused(copy.path(), ErrorCategory::BadData, "nested deeper");
}

TEST(BadCheckpoint, TensorsAreMissingOrHaveAnotherShapeOrType) {
  const std::string file = "model.safetensors", tensor = "model.transformer.blocks.1.att_proj.weight";
  const Copy missing("P6-qwen2-metaclip");
  missing.change_tensors(file, [&](auto& tensors) { tensors.erase(tensor); });
  expect_refused(missing.path(), ErrorCategory::BadData,
                 "tensors are missing: transformer.blocks.1.att_proj.weight. Hint:");
  const Copy shaped("P6-qwen2-metaclip");
  shaped.change_tensors(file, [&](auto& tensors) { tensors[tensor] = at::zeros({8, 64}); });
  expect_refused(
      shaped.path(), ErrorCategory::BadData,
      "model.safetensors: 'model.transformer.blocks.1.att_proj.weight' is [8, 64], the configuration wants [96, 64]");
  const Copy typed("P6-qwen2-metaclip");
  typed.change_tensors(file, [&](auto& tensors) { tensors[tensor] = at::zeros({96, 64}, at::kChar); });
  expect_refused(typed.path(), ErrorCategory::Unsupported, "is stored as i8, expected f32, bf16 or f16");
}

TEST(BadCheckpoint, UnusedTensorsAreOnlyWarnedOf) {
  const Copy copy("P6-qwen2-metaclip");
  copy.change_tensors("model.safetensors", [&](auto& tensors) { tensors["model.extra"] = at::zeros({2}); });
  std::vector<std::string> warnings;
  set_log_sink([&](LogLevel, std::string_view message) { warnings.emplace_back(message); });
  EXPECT_EQ(open(copy.path()).message, "accepted");
  set_log_sink(nullptr);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("1 tensors are not used by this model: model.extra"));
}

TEST(BadCheckpoint, HfConfigurationIsOfAnotherModel) {
  const auto with_config = [](ErrorCategory category, const std::function<void(Json&)>& change,
                              const std::string& text) {
    const Copy copy("P6-qwen2-metaclip");
    copy.change_json("config.json", change);
    expect_refused(copy.path(), category, text);
  };
  using enum ErrorCategory;
  with_config(
      Unsupported, [](Json& json) { json["model_type"] = "llava"; },
      "config.json: model_type is 'llava', expected 'molmo'");
  with_config(
      Unsupported, [](Json& json) { json["architectures"] = Json::array({"LlamaForCausalLM"}); },
      "config.json: architectures is [\"LlamaForCausalLM\"], expected [\"MolmoForCausalLM\"]");
  with_config(
      Unsupported, [](Json& json) { json.erase("model_type"); }, "has no model_type");
  with_config(
      Unsupported, [](Json& json) { json.erase("hidden_size"); }, "neither hidden_size (as Molmo-7B-D) nor d_model");
  with_config(
      BadData, [](Json& json) { json.erase("num_hidden_layers"); },
      "config.json: num_hidden_layers: is missing, expected a whole number");
  with_config(
      BadData, [](Json& json) { json.erase("intermediate_size"); }, "intermediate_size: is missing");
  with_config(
      BadData, [](Json& json) { json["hidden_size"] = "64"; },
      "config.json: hidden_size: expected a whole number, found \"64\"");
  with_config(
      BadData, [](Json& json) { json["hidden_size"] = 64.5; }, "hidden_size: expected a whole number, found 64.5");
  with_config(
      BadData, [](Json& json) { json["hidden_size"] = 18446744073709551615u; }, "hidden_size: expected a whole number");
  with_config(
      BadData, [](Json& json) { json["hidden_size"] = int64_t{1} << 60; }, "allowed are 1 to");
  with_config(
      BadData, [](Json& json) { json["num_attention_heads"] = 0; },
      "num_attention_heads: expected at least 1, found 0");
  with_config(
      BadData, [](Json& json) { json["num_attention_heads"] = 7; }, "7 heads do not divide the width 64");
  with_config(
      BadData, [](Json& json) { json["intermediate_size"] = 127; },
      "intermediate_size: expected an even number, found 127");
  with_config(
      Unsupported, [](Json& json) { json["clip_qkv"] = 8.0; }, "clip_qkv is 8.0, only null is supported");
  with_config(
      Unsupported, [](Json& json) { json["layer_norm_type"] = "default"; },
      "layer_norm_type is \"default\", only \"rms\" is supported");
  with_config(
      Unsupported, [](Json& json) { json["image_pooling_2d"] = "attention-mean"; }, "Did you mean 'attention-meanq'?");
  with_config(
      Unsupported, [](Json& json) { json["vision_backbone"]["image_model_type"] = "sam"; },
      "expected openai, siglip or dino");
  with_config(
      Unsupported, [](Json& json) { json["vision_backbone"]["resize_mode"] = "crop"; },
      "expected default, siglip, dino or metaclip");
  with_config(
      Unsupported, [](Json& json) { json["vision_backbone"]["image_num_key_value_heads"] = 1; },
      "image_num_key_value_heads is 1, only 2 is supported");
  with_config(
      BadData, [](Json& json) { json["vision_backbone"] = 3; }, "vision_backbone: expected a mapping of settings");
  with_config(
      BadData,
      [](Json& json) {
        json["vit_layers"] = {-2, -99};
      },
      "connector.feature_layers is -99");
  with_config(
      BadData, [](Json& json) { json["num_hidden_layers"] = 3; },
      "tensors are missing: transformer.blocks.2.attn_norm.weight");
  with_config(
      BadData, [](Json& json) { json["intermediate_size"] = 256; }, "the configuration wants [256, 64]");
}

TEST(BadCheckpoint, HfConfigurationIsNotJson) {
  const Copy copy("P6-qwen2-metaclip");
  for (const std::string& text : {std::string("{"), std::string(), std::string("[]"),
                                  std::string("{\"a\": 1, \"a\": 2}"), std::string(300'000, ' ')}) {
    write_file_atomic(copy.path() / "config.json", text);
    expect_refused(copy.path(), ErrorCategory::BadData, "config.json: ");
  }
}

TEST(BadCheckpoint, PreprocessorContradictsTheModel) {
  const auto with_preprocessor = [](ErrorCategory category, const std::function<void(Json&)>& change,
                                    const std::string& text) {
    const Copy copy("P6-qwen2-metaclip");
    copy.change_json("preprocessor_config.json", change);
    expect_refused(copy.path(), category, text);
  };
  using enum ErrorCategory;
  with_preprocessor(
      BadData, [](Json& json) { json["image_patch_size"] = 16; },
      "preprocessor_config.json: image_patch_size is 16, but config.json makes it 14");
  with_preprocessor(
      BadData, [](Json& json) { json["image_token_length_h"] = 14; },
      "image_token_length_h is 14, but config.json makes it 12");
  with_preprocessor(
      BadData,
      [](Json& json) {
        json["base_image_input_size"] = {378, 378};
      },
      "is not the size [336, 336] of the vision tower");
  with_preprocessor(
      Unsupported,
      [](Json& json) {
        json["image_mean"] = {0.1, 0.2, 0.3};
      },
      "neither CLIP's, SigLIP's nor ImageNet's");
  with_preprocessor(
      Unsupported, [](Json& json) { json["do_normalize"] = false; }, "do_normalize is false, only true is supported");
  with_preprocessor(
      BadData,
      [](Json& json) {
        json["overlap_margins"] = {3, 4};
      },
      "expected multiples of the pooling window");
  with_preprocessor(
      BadData, [](Json& json) { json["max_crops"] = 0; }, "image_input.max_crops is 0");
  // The processor has the last word on crops, as in the release's own code.
  const Copy copy("P6-qwen2-metaclip");
  copy.change_json("preprocessor_config.json", [](Json& json) { json["max_crops"] = 9; });
  EXPECT_EQ(Checkpoint::open(copy.path()).config().image_input.max_crops, 9);
}

TEST(BadCheckpoint, NativeConfigurationIsOfAnotherModel) {
  const auto with_config = [](ErrorCategory category, const std::string& old_text, const std::string& new_text,
                              const std::string& text) {
    const Copy copy("P2-olmo-clip");
    copy.replace_text("config.yaml", old_text, new_text);
    expect_refused(copy.path(), category, text);
  };
  using enum ErrorCategory;
  with_config(BadData, "model:\n", "modell:\n", "has no 'model:'");
  with_config(Unsupported, "block_type: sequential", "block_type: llama",
              "config.yaml: model: block_type is 'llama', expected sequential or moe");
  with_config(Unsupported, "rope: true", "rope: false", "rope is false, only true is supported");
  with_config(Unsupported, "include_bias: false", "include_bias: true",
              "include_bias is true, only false is supported");
  with_config(Unsupported, "activation_type: swiglu", "activation_type: gelu",
              "activation_type is \"gelu\", only \"swiglu\" is supported");
  with_config(Unsupported, "crop_mode: overlap-and-resize-c2", "crop_mode: patchify-v2-and-resize-c2",
              "crop_mode is 'patchify-v2-and-resize-c2'");
  with_config(Unsupported, "system_prompt_kind: demo_or_style", "system_prompt_kind: style_and_length_v2",
              "system_prompt_kind is 'style_and_length_v2'");
  with_config(BadData, "  d_model: 48", "  d_model: [48]", "model: d_model: expected a whole number, found [48]");
  with_config(BadData, "n_heads: 3", "n_heads: 0", "n_heads: expected at least 1, found 0");
  with_config(BadData, "model:", "model: [", "config.yaml");
}

// The reference's stacked experts, without the reference: the released split, stacked by this test.
TEST(Checkpoint, UnstacksTheExpertsOfTheNativeLayout) {
  const fs::path split = test::checkpoint_path("P3-olmoe-clip");
  const auto expected = Checkpoint::open(split).load_weights();
  std::map<std::string, at::Tensor> stacked;
  for (const auto& [name, tensor] : expected) {
    if (name.find(".experts.") == std::string::npos) stacked[name] = tensor;
  }
  for (int layer = 0; layer < 2; ++layer) {
    const std::string block = "transformer.blocks." + std::to_string(layer) + ".ffn.experts.";
    std::vector<at::Tensor> gates, ups, downs;
    for (int expert = 0; expert < 8; ++expert) {
      const std::string prefix = block + std::to_string(expert) + ".";
      gates.push_back(expected.at(prefix + "gate_proj.weight"));
      ups.push_back(expected.at(prefix + "up_proj.weight"));
      downs.push_back(expected.at(prefix + "down_proj.weight").t());
    }
    stacked[block + "mlp.w1"] = at::cat(gates);
    stacked[block + "mlp.v1"] = at::cat(ups);
    stacked[block + "mlp.w2"] = at::cat(downs);
  }
  const Copy flat("P3-olmoe-clip");
  write_safetensors(flat.path() / "model.safetensors", stacked);
  const Checkpoint checkpoint = Checkpoint::open(flat.path());
  const auto found = checkpoint.load_weights(), converted = checkpoint.load_weights({.dtype = DType::BF16});
  for (const auto& [name, tensor] : expected) {
    EXPECT_TRUE(at::equal(found.at(name), tensor)) << name;
    EXPECT_TRUE(at::equal(converted.at(name), tensor.to(at::kBFloat16))) << name;
    EXPECT_TRUE(converted.at(name).is_contiguous());
  }
  stacked["transformer.blocks.0.ffn.experts.mlp.v1"] = at::zeros({255, 64});
  write_safetensors(flat.path() / "model.safetensors", stacked);
  expect_refused(flat.path(), ErrorCategory::BadData,
                 "'transformer.blocks.0.ffn.experts.mlp.v1' is [255, 64], the configuration wants [256, 64]");
}

// A native folder as the reference's training leaves it, in another type.
TEST(Checkpoint, LoadsNativeWeightsOfEveryType) {
  const auto expected = Checkpoint::open(test::checkpoint_path("P2-olmo-clip")).load_weights();
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : expected) tensors[name] = tensor.to(type);
    const Copy copy("P2-olmo-clip");
    test::write_bytes(copy.path() / "model.pt", test::torch_archive(tensors).bytes());
    for (const auto& [name, tensor] : Checkpoint::open(copy.path()).load_weights())
      EXPECT_TRUE(at::equal(tensor, tensors.at(name))) << name;
  }
}

}  // namespace
}  // namespace molmo::checkpoint
