// molmo trace, convert and init.
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

using test::fixture_path;
using test::miniature_model;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  const auto file = checkpoint::SafetensorsFile::open(path);
  for (const auto& [name, entry] : file.entries()) names.push_back(name);
  return names;
}

TEST(Trace, WritesEveryTensorByName) {
  const test::TemporaryFolder folder;
  const std::string out = folder.path() / "trace.safetensors";
  const Result result = run_molmo({"trace", "-m", miniature_model(), "-i", fixture_path("model/images/rgb_420x300.png"),
                                   "-p", " User: Describe this image. Assistant:", "--raw", "-o", out});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(names_in(out),
              testing::UnorderedElementsAre("input_ids", "position_ids", "images", "image_masks", "image_input_idx",
                                            "vit.features", "connector.output", "embeddings", "hidden.0", "hidden.1",
                                            "hidden.2", "hidden.final", "logits"));
  const auto trace = checkpoint::SafetensorsFile::open(out);
  const std::vector<int64_t> logits{422, 704}, images{3, 576, 588};
  EXPECT_EQ(trace.entries().at("logits").shape, logits);
  EXPECT_EQ(trace.entries().at("images").shape, images);
  EXPECT_EQ(trace.entries().at("input_ids").dtype, DType::I64);
  // The golden forward pass of this picture and prompt.
  const auto golden =
      checkpoint::SafetensorsFile::open(fixture_path("model/P1-qwen2-clip/forward/forward.safetensors"));
  const at::Tensor expected = golden.tensor("image/e2e_logits_last8");
  const at::Tensor found = trace.tensor("logits").narrow(0, 422 - 8, 8);
  EXPECT_LT(found.sub(expected).abs().max().item().toDouble(), 2e-4);
}

TEST(Trace, LeavesPicturesOutWhereThereAreNone) {
  const test::TemporaryFolder folder;
  const std::string out = folder.path() / "trace.safetensors";
  ASSERT_EQ(run_molmo({"trace", "-m", miniature_model(), "-p", "How many birds are there?", "-o", out}).status,
            kExitDone);
  EXPECT_THAT(names_in(out), testing::UnorderedElementsAre("input_ids", "position_ids", "embeddings", "hidden.0",
                                                           "hidden.1", "hidden.2", "hidden.final", "logits"));
  const Result failed =
      run_molmo({"trace", "-m", miniature_model(), "-p", "x", "-o", folder.path() / "no/such/folder.safetensors"});
  EXPECT_EQ(failed.status, kExitFailed);
  EXPECT_EQ(std::count(failed.err.begin(), failed.err.end(), '\n'), 1) << failed.err;
}

TEST(Convert, KeepsEveryBitAndAnswersTheSame) {
  const test::TemporaryFolder folder;
  const std::string out = folder.path() / "converted";
  const Result result = run_molmo({"convert", "-m", miniature_model(), "-o", out});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  const auto before = checkpoint::Checkpoint::open(miniature_model()).load_weights(),
             after = checkpoint::Checkpoint::open(out).load_weights();
  ASSERT_EQ(before.size(), after.size());
  for (const auto& [name, weight] : before) EXPECT_TRUE(at::equal(weight, after.at(name))) << name;
  const Result again = run_molmo({"convert", "-m", miniature_model(), "-o", out});
  EXPECT_EQ(again.status, kExitFailed);
  EXPECT_EQ(run_molmo({"convert", "-m", miniature_model(), "-o", out, "--overwrite", "--dtype", "bf16"}).status,
            kExitDone);
  EXPECT_EQ(checkpoint::Checkpoint::open(out).weights().begin()->second.type, checkpoint::StoredType::BF16);
  const std::vector<std::string> question{"-p", "How many birds are there?", "-n", "6", "-q"};
  const auto ask = [&](const std::string& folder_of_model) {
    std::vector<std::string> arguments{"run", "-m", folder_of_model};
    arguments.insert(arguments.end(), question.begin(), question.end());
    return run_molmo(arguments).out;
  };
  EXPECT_EQ(ask(out), ask(fixture_path("model/P1-qwen2-clip/hf-bf16")));
}

// An adapter gives the same answer whether it is applied while the model runs or merged into its weights.
TEST(Lora, AppliedAndMergedAnswerTheSame) {
  const test::TemporaryFolder folder;
  const auto opened = checkpoint::Checkpoint::open(miniature_model());
  model::Adapter adapter{.rank = 2, .alpha = 4, .target_modules = {"att_proj"}, .updates = {}};
  for (int layer = 0; layer < 3; ++layer) {
    const std::string name = "transformer.blocks." + std::to_string(layer) + ".att_proj.weight";
    const at::Tensor weight = opened.load_weight(name);
    const auto wave = [](int64_t rows, int64_t columns) {
      return at::arange(rows * columns, at::kFloat).mul_(0.37).sin_().mul_(0.3).reshape({rows, columns});
    };
    adapter.updates[name] = {.a = wave(2, weight.size(1)), .b = wave(weight.size(0), 2), .scale = 2};
  }
  const std::string lora = folder.path() / "lora", merged = folder.path() / "merged";
  checkpoint::write_adapter(lora, adapter, opened.config());
  ASSERT_EQ(run_molmo({"convert", "-m", miniature_model(), "--lora", lora, "-o", merged}).status, kExitDone);
  const std::vector<std::string> question{"-p", "How many birds are there?", "-n", "6", "-q"};
  const auto ask = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    arguments.insert(arguments.end(), question.begin(), question.end());
    const Result result = run_molmo(arguments);
    EXPECT_EQ(result.status, kExitDone) << result.err;
    return result.out;
  };
  const std::string applied = ask({"-m", miniature_model(), "--lora", lora});
  EXPECT_EQ(applied, ask({"-m", merged}));
  EXPECT_NE(applied, ask({"-m", miniature_model()}));
}

TEST(Quantize, PacksPartsInTheTypesThatWereAskedFor) {
  const test::TemporaryFolder folder;
  const std::string out = folder.path() / "q4";
  const Result result =
      run_molmo({"quantize", "-m", miniature_model(), "-o", out, "--type", "q4", "--vision", "keep", "--head", "f16"});
  ASSERT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(result.out, "");
  std::map<std::string, std::string> types;
  const Json described = parse_json(run_molmo({"inspect", out, "--json"}).out, "molmo inspect");
  for (const Json& tensor : described["tensors"]) types[tensor["name"]] = tensor["dtype"];
  EXPECT_EQ(types["transformer.blocks.0.ff_proj.weight"], "q4");
  EXPECT_EQ(types["transformer.wte.embedding"], "q8");
  EXPECT_EQ(types["transformer.ff_out.weight"], "f16");
  EXPECT_EQ(types["vision_backbone.image_vit.patch_embedding.weight"], "f32");
  EXPECT_EQ(types["vision_backbone.image_pooling_2d.wq.weight"], "q8");
  const Result text = run_molmo({"inspect", out, "--tensors"});
  EXPECT_THAT(text.out, testing::ContainsRegex("stored: huggingface layout, f32 [0-9.]+ MiB, f16 .*, q8 .*, q4 "));
  EXPECT_THAT(text.out, testing::ContainsRegex("ff_proj.weight +\\[192, 64\\] +q4 +x 3"));

  const Result again = run_molmo({"quantize", "-m", out, "-o", folder.path() / "q8", "--type", "q8"});
  EXPECT_EQ(again.status, kExitFailed);
  EXPECT_THAT(again.err, HasSubstr("is packed as q4 already"));
  EXPECT_EQ(run_molmo({"quantize", "-m", out, "-o", folder.path() / "q8"}).status, kExitUsage);
  EXPECT_EQ(run_molmo({"quantize", "-m", out, "-o", folder.path() / "q8", "--type", "q5"}).status, kExitUsage);
  const Result back = run_molmo({"convert", "-m", out, "-o", folder.path() / "f32", "--dtype", "f32"});
  ASSERT_EQ(back.status, kExitDone) << back.err;
  EXPECT_EQ(run_molmo({"run", "-m", folder.path() / "f32", "-p", "hi", "-n", "3"}).status, kExitDone);
}

TEST(Quantize, LearnsFromPicturesWhatMatters) {
  const test::TemporaryFolder folder;
  const auto quantize = [&](const std::string& name, const std::vector<std::string>& flags) {
    std::vector<std::string> arguments{"quantize", "-m", miniature_model(), "-o", folder.path() / name, "--type", "q4"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return run_molmo(arguments);
  };
  ASSERT_EQ(quantize("plain", {}).status, kExitDone);
  const std::string picture = fixture_path("model/images/rgb_420x300.png");
  const Result calibrated = quantize("calibrated", {"--calibrate", picture, "-p", "What is it?", "-n", "2"});
  ASSERT_EQ(calibrated.status, kExitDone) << calibrated.err;
  const auto plain = checkpoint::Checkpoint::open(folder.path() / "plain").load_weights(),
             learnt = checkpoint::Checkpoint::open(folder.path() / "calibrated").load_weights();
  for (const char* name : {"transformer.blocks.2.ff_out.weight", "vision_backbone.image_pooling_2d.wq.weight"})
    EXPECT_FALSE(at::equal(plain.at(name), learnt.at(name))) << name;
  EXPECT_TRUE(at::equal(plain.at("transformer.wte.embedding"), learnt.at("transformer.wte.embedding")));
  const Result missing = quantize("missing", {"--calibrate", folder.path() / "no.jpg"});
  EXPECT_EQ(missing.status, kExitFailed);
  EXPECT_THAT(missing.err, HasSubstr("no.jpg"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "missing"));
}

TEST(Init, DrawsTheSameWeightsFromTheSameSeed) {
  const test::TemporaryFolder folder;
  const std::vector<std::string> settings{
      "decoder.num_layers=1",   "decoder.width=64",      "decoder.mlp_width=64",   "decoder.num_heads=4",
      "decoder.num_kv_heads=2", "decoder.head_dim=16",   "decoder.vocab_size=300", "decoder.embedding_size=300",
      "vision.num_layers=9",    "vision.width=32",       "vision.num_heads=2",     "vision.head_dim=16",
      "vision.mlp_width=32",    "connector.mlp_width=32"};
  const auto init = [&](const std::string& name, const std::string& seed) {
    std::vector<std::string> arguments{"init", "molmo-7b-d"};
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    arguments.insert(arguments.end(), {"-o", folder.path() / name, "--seed", seed});
    const Result result = run_molmo(arguments);
    EXPECT_EQ(result.status, kExitDone) << result.err;
    return read_file(folder.path() / name / "model.safetensors");
  };
  const std::string first = init("a", "1");
  EXPECT_EQ(init("b", "1"), first);
  EXPECT_NE(init("c", "2"), first);
  const Json described = parse_json(run_molmo({"inspect", folder.path() / "a", "--json"}).out, "molmo inspect");
  EXPECT_EQ(described["configuration"]["decoder"]["width"], 64);
  EXPECT_EQ(run_molmo({"run", "-m", folder.path() / "a", "-p", "hi", "-n", "3"}).status, kExitDone);
}

TEST(Init, NamesTheSettingThatIsWrong) {
  const Result unknown = run_molmo({"init", "molmo-7b-d", "decoder.num_layer=1", "-o", "unused"});
  EXPECT_EQ(unknown.status, kExitFailed);
  EXPECT_THAT(unknown.err, HasSubstr("Did you mean 'num_layers'?"));
  EXPECT_THAT(run_molmo({"init", "molmo-7b-d", "decoder.num_layers=-1", "-o", "unused"}).err,
              HasSubstr("decoder.num_layers is -1"));
  EXPECT_EQ(run_molmo({"init", "molmo-7b-d"}).status, kExitUsage);
  EXPECT_EQ(run_molmo({"init", "molmo-7b-q", "-o", "unused"}).status, kExitFailed);
}

}  // namespace
}  // namespace molmo::cli
