// molmo inspect: the numbers that the paper's models have, and what a checkpoint says about itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

using test::fixture_path;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

Json inspect(const std::string& model) {
  const Result result = run_molmo({"inspect", model, "--json"});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(result.err, "");
  return parse_json(result.out, "molmo inspect");
}

TEST(Inspect, CountsTheParametersOfThePaper) {
  struct Row {
    const char* preset;
    int64_t total, active;
  };
  for (const Row& row :
       {Row{"molmoe-1b", 7'221'875'712, 1'584'731'136}, Row{"molmo-7b-o", 7'665'032'192, 7'665'032'192},
        Row{"molmo-7b-d", 8'021'025'280, 8'021'025'280}, Row{"molmo-72b", 73'308'285'952, 73'308'285'952}}) {
    const Json document = inspect(row.preset);
    const Json& parameters = document["parameters"];
    EXPECT_EQ(parameters["total"], row.total) << row.preset;
    EXPECT_EQ(parameters["active"], row.active) << row.preset;
    EXPECT_EQ(parameters["vision"].get<int64_t>() + parameters["connector"].get<int64_t>() +
                  parameters["language"].get<int64_t>(),
              row.total);
    EXPECT_EQ(document["memory_bytes"]["f32"], row.total * 4);
    EXPECT_EQ(document["memory_bytes"]["bf16"], row.total * 2);
    int64_t sum = 0;
    for (const Json& tensor : document["tensors"]) {
      int64_t count = 1;
      for (const Json& side : tensor["shape"]) count *= side.get<int64_t>();
      sum += count;
    }
    EXPECT_EQ(sum, row.total) << row.preset;
    EXPECT_TRUE(document["layout"].is_null());
    EXPECT_EQ(document["configuration"]["vision"]["num_layers"], 23);
  }
}

TEST(Inspect, PrintsTheSameForPeople) {
  const Result result = run_molmo({"inspect", "molmo-7b-d", "--tensors"});
  EXPECT_EQ(result.status, kExitDone);
  for (const char* part :
       {"8,021,025,280", "29.88 GiB", "num_kv_heads: 4", "transformer.blocks.*.att_proj.weight", "x 28"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST(Inspect, ReadsCheckpointsOfBothLayouts) {
  const Json released = inspect(fixture_path("model/P1-qwen2-clip/hf"));
  const Json native = inspect(fixture_path("model/P2-olmo-clip/native"));
  EXPECT_EQ(released["layout"], "huggingface");
  EXPECT_EQ(native["layout"], "native");
  EXPECT_EQ(native["configuration"]["decoder"]["has_norm_after"], true);
  EXPECT_EQ(released["tensors"][0]["dtype"], "f32");
  EXPECT_EQ(inspect(fixture_path("model/P1-qwen2-clip/hf-bf16"))["tensors"][0]["dtype"], "bf16");
  EXPECT_EQ(run_molmo({"inspect", "-m", fixture_path("model/P1-qwen2-clip/hf")}).out,
            run_molmo({"inspect", fixture_path("model/P1-qwen2-clip/hf")}).out);
}

TEST(Inspect, UnknownModelsAreOneClearLine) {
  const Result misspelt = run_molmo({"inspect", "molmo-7b-q"});
  EXPECT_EQ(misspelt.status, kExitFailed);
  EXPECT_EQ(misspelt.out, "");
  EXPECT_EQ(misspelt.err, "molmo: model 'molmo-7b-q' is neither a folder nor a preset. Did you mean 'molmo-7b-o'?\n");
  const Result quantized = run_molmo({"inspect", "molmo-7b-d:q4"});
  EXPECT_EQ(quantized.status, kExitFailed);
  EXPECT_THAT(quantized.err, HasSubstr("molmo quantize -m molmo-7b-d --type q4 -o molmo-7b-d-q4"));
  const Result file = run_molmo({"inspect", fixture_path("model/P1-qwen2-clip/hf/config.json")});
  EXPECT_EQ(file.status, kExitFailed);
  EXPECT_THAT(file.err, HasSubstr("is a file, expected the folder"));
}

TEST(Inspect, BadCheckpointsAreOneClearLine) {
  const test::TemporaryFolder folder;
  const Result empty = run_molmo({"inspect", folder.path()});
  EXPECT_EQ(empty.status, kExitFailed);
  EXPECT_EQ(std::count(empty.err.begin(), empty.err.end(), '\n'), 1) << empty.err;
  std::filesystem::copy(fixture_path("model/P1-qwen2-clip/hf"), folder.path() / "cut",
                        std::filesystem::copy_options::recursive);
  std::filesystem::permissions(folder.path() / "cut", std::filesystem::perms::owner_all);
  std::filesystem::permissions(folder.path() / "cut/model-00002-of-00002.safetensors",
                               std::filesystem::perms::owner_all);
  std::filesystem::resize_file(folder.path() / "cut/model-00002-of-00002.safetensors", 1000);
  const Result truncated = run_molmo({"inspect", folder.path() / "cut"});
  EXPECT_EQ(truncated.status, kExitFailed);
  EXPECT_THAT(truncated.err, HasSubstr("model-00002-of-00002.safetensors"));
  EXPECT_EQ(std::count(truncated.err.begin(), truncated.err.end(), '\n'), 1) << truncated.err;
}

TEST(ModelName, EnvironmentNamesTheModelAndTheFlagWins) {
  const std::string p1 = fixture_path("model/P1-qwen2-clip/hf"), p2 = fixture_path("model/P2-olmo-clip/native");
  EXPECT_EQ(run_molmo({"inspect"}, {.environment = {{"MOLMO_MODEL", p2}}}).out, run_molmo({"inspect", p2}).out);
  EXPECT_EQ(run_molmo({"inspect", p1}, {.environment = {{"MOLMO_MODEL", p2}}}).out, run_molmo({"inspect", p1}).out);
}

}  // namespace
}  // namespace molmo::cli
