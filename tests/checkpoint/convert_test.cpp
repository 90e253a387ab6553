#include "checkpoint/convert.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

void expect_same_model(const fs::path& one, const fs::path& two) {
  const Checkpoint expected = Checkpoint::open(one), found = Checkpoint::open(two);
  EXPECT_EQ(write_fields(found.config()), write_fields(expected.config())) << one;
  const auto weights = found.load_weights();
  for (const auto& [name, tensor] : expected.load_weights()) {
    EXPECT_EQ(weights.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(weights.at(name), tensor)) << one << " " << name;
  }
  EXPECT_EQ(read_file(found.tokenizer_folder() / "tokenizer.json"),
            read_file(expected.tokenizer_folder() / "tokenizer.json"));
}

std::vector<fs::path> all_checkpoints() {
  std::vector<fs::path> folders;
  for (const std::string& name : test::model_cases()) {
    for (const char* file : {"/hf/config.json", "/hf-bf16/config.json", "/native/config.yaml"}) {
      if (test::has_fixture("model/" + name + file))
        folders.push_back(test::fixture_path("model/" + name + file).parent_path());
    }
  }
  return folders;
}

TEST(Convert, KeepsEveryBitOfEveryLayout) {
  const auto folders = all_checkpoints();
  EXPECT_GE(folders.size(), 7u);
  for (const fs::path& input : folders) {
    test::TemporaryFolder folder;
    convert_checkpoint(input, folder.path() / "hf");
    expect_same_model(input, folder.path() / "hf");
    EXPECT_EQ(Checkpoint::open(folder.path() / "hf").layout(), Layout::HuggingFace);
    // and once more from what was written
    convert_checkpoint(folder.path() / "hf", folder.path() / "again");
    for (const auto& entry : fs::directory_iterator(folder.path() / "hf")) {
      EXPECT_EQ(read_file(entry.path()), read_file(folder.path() / "again" / entry.path().filename())) << entry.path();
    }
  }
}

// The documents that the release's own code wrote for these models.
TEST(Convert, WritesTheDocumentsOfTheReleases) {
  for (const char* name : {"P1-qwen2-clip", "P3-olmoe-clip", "P6-qwen2-metaclip"}) {
    test::TemporaryFolder folder;
    const fs::path input = test::checkpoint_path(name), output = folder.path() / "hf";
    convert_checkpoint(input, output);
    for (const char* document : {"generation_config.json", "preprocessor_config.json", "processor_config.json"}) {
      Json expected = read_json_file(input / document), found = read_json_file(output / document);
      expected.erase("auto_map"), found.erase("auto_map");
      EXPECT_EQ(found, expected) << name << " " << document;
    }
    const Json expected = read_json_file(input / "config.json"), found = read_json_file(output / "config.json");
    for (const auto& [key, value] : found.items()) {
      if (key == "auto_map" || key == "max_position_embeddings") continue;
      if (expected.contains(key)) {
        EXPECT_EQ(value, expected.at(key)) << name << " " << key;
      }
    }
    if (expected.contains("d_model")) continue;  // MolmoE's has dozens of fields of training
    for (const auto& [key, value] : expected.items()) EXPECT_TRUE(found.contains(key)) << name << " " << key;
  }
}

TEST(Convert, WritesNoFieldsThatTheReleasesLackForTheirOwnSizes) {
  // Read from config.json as released: without a word about vision.
  const Json released = parse_json(
      R"({"architectures": ["MolmoForCausalLM"], "attention_layer_norm": false, "clip_qkv": null, "embedding_size": 152064, "hidden_size": 3584,
          "initializer_range": 0.02, "intermediate_size": 37888, "layer_norm_eps": 1e-06, "layer_norm_type": "rms", "max_position_embeddings": 4096,
          "model_type": "molmo", "norm_after": false, "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "qkv_bias": true,
          "rope_theta": 1000000.0, "tie_word_embeddings": false, "torch_dtype": "float32", "transformers_version": "4.43.3", "use_cache": true,
          "use_position_ids": true, "vocab_size": 152064, "weight_tying": false})",
      "released");
  const config::ModelConfig config = parse_hf_config(released, "released");
  EXPECT_EQ(write_fields(config), write_fields(config::preset("molmo-7b-d")));
  Json written = write_hf_config(config, DType::F32, /*has_code=*/true);
  EXPECT_EQ(written.at("auto_map").at("AutoConfig"), "config_molmo.MolmoConfig");
  written.erase("auto_map");
  EXPECT_EQ(written, released);
}

TEST(Convert, EveryPresetReadsBack) {
  for (const std::string& name : config::preset_names()) {
    const config::ModelConfig config = config::preset(name);
    EXPECT_EQ(write_fields(parse_hf_config(write_hf_config(config, DType::BF16, false), name)), write_fields(config))
        << name;
  }
}

TEST(Convert, WritesSettingsThatTheReleasesNeverVary) {
  config::ModelConfig config = config::preset("molmo-7b-d");
  config.connector.projector = config::Projector::Linear;
  config.connector.pooling = config::Pooling::Stack;
  config.connector.mlp_width = 512;
  config.connector.padding_embed = config::PaddingEmbed::None;
  config.image_input.max_crops = 36;
  config.image_input.pad_value = 0.5;
  config.prompt.default_length_hint.reset();
  config.prompt.system_prompt = config::SystemPrompt::StyleAndLength;
  config.decoder.has_tied_head = true;
  config.decoder.head_dim = 64;
  EXPECT_EQ(write_fields(parse_hf_config(write_hf_config(config, DType::BF16, false), "x")), write_fields(config));
  config.vision = config::dinov2_vit_l14_336();  // but the pixels of CLIP, which the reference cannot say
  EXPECT_THROW(write_hf_config(config, DType::BF16, false), Error);
}

TEST(Convert, ShardsByBytesWithAnIndex) {
  test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P3-olmoe-clip"), output = folder.path() / "hf";
  convert_checkpoint(input, output, {.max_shard_bytes = 400'000});
  expect_same_model(input, output);
  const Json index = read_json_file(output / "model.safetensors.index.json");
  int num_shards = 0;
  uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator(output)) {
    if (entry.path().extension() != ".safetensors") continue;
    ++num_shards;
    const SafetensorsFile shard = SafetensorsFile::open(entry.path());
    uint64_t bytes = 0;
    for (const auto& [name, tensor] : shard.entries()) {
      bytes += tensor.num_bytes;
      EXPECT_EQ(index.at("weight_map").at(name), entry.path().filename().string());
    }
    EXPECT_LE(bytes, 400'000u);
    total += bytes;
  }
  EXPECT_GE(num_shards, 4);
  EXPECT_EQ(index.at("metadata").at("total_size"), total);
}

TEST(Convert, ChangesTheType) {
  test::TemporaryFolder folder;
  convert_checkpoint(test::checkpoint_path("P1-qwen2-clip"), folder.path() / "bf16", {.dtype = DType::BF16});
  expect_same_model(test::fixture_path("model/P1-qwen2-clip/hf-bf16/config.json").parent_path(),
                    folder.path() / "bf16");
  EXPECT_EQ(read_json_file(folder.path() / "bf16" / "config.json").at("torch_dtype"), "bfloat16");
}

TEST(Convert, AveragesModelsThatAreAlike) {
  test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P1-qwen2-clip"), other = folder.path() / "other";
  // The same model twice as large: the mean is one and a half of the weights.
  fs::create_directory(other);
  for (const auto& entry : fs::directory_iterator(input)) {
    std::string file = read_file(entry.path());
    if (entry.path().extension() == ".safetensors") {
      uint64_t header = 0;
      std::memcpy(&header, file.data(), sizeof header);
      for (uint64_t at = 8 + header; at < file.size(); at += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, file.data() + at, sizeof value);
        value *= 2;
        std::memcpy(file.data() + at, &value, sizeof value);
      }
    }
    write_file_atomic(other / entry.path().filename(), file);
  }
  convert_checkpoint(input, folder.path() / "mean", {.averaged_with = {other}});
  const auto mean = Checkpoint::open(folder.path() / "mean").load_weights();
  for (const auto& [name, weight] : Checkpoint::open(input).load_weights())
    EXPECT_TRUE(at::equal(mean.at(name), weight * 1.5)) << name;
  EXPECT_THAT(
      [&] {
        convert_checkpoint(input, folder.path() / "no", {.averaged_with = {test::checkpoint_path("P3-olmoe-clip")}});
      },
      ThrowsMessage<Error>(HasSubstr("means are of models alike")));
  EXPECT_FALSE(fs::exists(folder.path() / "no"));
}

TEST(Convert, CarriesCodeForOtherTools) {
  test::TemporaryFolder folder;
  fs::copy(test::checkpoint_path("P6-qwen2-metaclip"), folder.path() / "in");
  write_file_atomic(folder.path() / "in" / "modeling_molmo.py", "# code\n");
  convert_checkpoint(folder.path() / "in", folder.path() / "out");
  EXPECT_EQ(read_file(folder.path() / "out" / "modeling_molmo.py"), "# code\n");
  EXPECT_EQ(read_json_file(folder.path() / "out" / "config.json").at("auto_map").at("AutoConfig"),
            "config_molmo.MolmoConfig");
}

TEST(Convert, ReplacesAFolderOnlyWhenAllowed) {
  test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P2-olmo-clip"), output = folder.path() / "hf";
  fs::create_directory(output);
  write_file_atomic(output / "keep.txt", "mine");
  EXPECT_THROW(convert_checkpoint(input, output), Error);
  EXPECT_EQ(read_file(output / "keep.txt"), "mine");
  convert_checkpoint(input, output, {.overwrite = true});
  expect_same_model(input, output);
  EXPECT_FALSE(fs::exists(output / "keep.txt"));
  EXPECT_THROW(convert_checkpoint(output, output, {.overwrite = true}), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(Convert, LeavesNothingBehindWhenItFails) {
  test::TemporaryFolder folder;
  fs::copy(test::checkpoint_path("P6-qwen2-metaclip"), folder.path() / "in");
  fs::remove(folder.path() / "in" / "tokenizer.json");
  try {
    convert_checkpoint(folder.path() / "in", folder.path() / "out");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::NotFound);
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json"));
  }
  EXPECT_THROW(convert_checkpoint(folder.path() / "in", folder.path() / "out",
                                  {.tokenizer = test::checkpoint_path("P3-olmoe-clip")}),
               Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
  convert_checkpoint(folder.path() / "in", folder.path() / "out",
                     {.tokenizer = test::checkpoint_path("P6-qwen2-metaclip")});
  expect_same_model(test::checkpoint_path("P6-qwen2-metaclip"), folder.path() / "out");
}

}  // namespace
}  // namespace molmo::checkpoint
