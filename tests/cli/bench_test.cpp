// molmo bench: what it tells, never how fast that is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "fixtures.h"

namespace molmo::cli {
namespace {

using test::miniature_model;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

Json bench_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"bench", "-r", "1", "--json"});
  const Result result = run_molmo(arguments);
  EXPECT_EQ(result.status, kExitDone) << result.err;
  return parse_json(result.out, "molmo bench");
}

TEST(Bench, TellsEveryStepBesideTheLimitsOfTheMachine) {
  const Json figures = bench_json({"-m", "nano", "-n", "3", "--prompt-tokens", "20"});
  EXPECT_EQ(figures["model"], "nano");
  EXPECT_EQ(figures["type"], "bf16");
  EXPECT_EQ(figures["layers"], 6);
  EXPECT_EQ(figures["crops"], 1);
  EXPECT_EQ(figures["image_tokens"].get<int>() + 20, figures["prompt_tokens"]);
  EXPECT_TRUE(figures["load_ms"].is_null());
  EXPECT_FALSE(figures.contains("extrapolated"));
  for (const char* key :
       {"preprocess_ms", "vision_ms", "vision_linear_ms", "vision_linear_gops", "connector_ms", "prefill_ms",
        "prefill_tokens_per_s", "prefill_linear_ms", "prefill_linear_gops", "decode_ms_per_token",
        "decode_tokens_per_s", "decode_gb_per_s", "time_to_first_token_ms", "peak_memory_bytes"}) {
    EXPECT_GT(figures[key], 0) << key;
  }
  for (const char* part : {"vision", "prefill", "connector"}) {
    const std::string name = part;
    EXPECT_LT(figures[name + "_linear_ms"], figures[name + "_ms"]) << part;
  }
  // What the machine can do is known where there is a loop for it; then no step did more, but for weights that caches
  // hold.
  for (const char* key :
       {"vision_fraction_of_int8_peak", "prefill_fraction_of_int8_peak", "prefill_total_fraction",
        "vision_fraction_of_float32_peak", "prefill_fraction_of_float32_peak", "decode_fraction_of_bandwidth"}) {
    ASSERT_TRUE(figures.contains(key)) << key;
    if (figures[key].is_null()) continue;
    EXPECT_GT(figures[key], 0) << key;
    EXPECT_LT(figures[key], 30) << key;
  }
}

// 2 operations and 2 bytes for each weight of the decoder and head; the embedding is looked up, not multiplied.
TEST(Bench, CountsTheWeightsThatATokenReads) {
  const Json figures = bench_json({"-m", "nano", "-n", "2", "--image-crops", "0", "--prompt-tokens", "7"});
  const int64_t block = 256 * 3 * 256 + 256 * 256 + 3 * 256 * 704, head = 1024 * 256;
  EXPECT_DOUBLE_EQ(figures["decode_weights_gb_per_token"].get<double>() * 1e9, 2.0 * (6 * block + head));
  EXPECT_EQ(figures["crops"], 0);
  EXPECT_EQ(figures["prompt_tokens"], 7);
  const double operations = figures["prefill_linear_gops"].get<double>() * figures["prefill_linear_ms"].get<double>();
  EXPECT_NEAR(operations * 1e6, 2.0 * (7 * 6 * block + head), 1e3);
}

TEST(Bench, CutsLayersAndExtrapolates) {
  const Json figures =
      bench_json({"-m", "nano", "-n", "2", "--image-crops", "0", "--prompt-tokens", "7", "--layers", "2"});
  EXPECT_EQ(figures["layers"], 2);
  const Json& all = figures["extrapolated"];
  EXPECT_EQ(all["layers"], 6);
  const int64_t block = 256 * 3 * 256 + 256 * 256 + 3 * 256 * 704, head = 1024 * 256;
  EXPECT_NEAR(all["decode_weights_gb_per_token"].get<double>() * 1e9, 2.0 * (6 * block + head), 1);
}

TEST(Bench, ComparesNumbersOfThreads) {
  const Json document = bench_json({"-m", "nano", "-n", "2", "--image-crops", "0", "-t", "1,2"});
  ASSERT_EQ(document["runs"].size(), 2u);
  EXPECT_EQ(document["runs"][1]["threads"], 2);
  EXPECT_EQ(document["scaling"][0]["decode"], 1);
  EXPECT_GT(document["scaling"][1]["prefill"], 0);
}

TEST(Bench, MeasuresCheckpointsAndPrintsATable) {
  const Result result = run_molmo({"bench", "-m", miniature_model(), "-r", "1", "-n", "2", "-t", "1"});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  for (const char* part :
       {"f32", "medians of 1", "load ", "vision tower", "prefill, ", "time to first token", "1 thread "})
    EXPECT_THAT(result.out, HasSubstr(part));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("not applicable")));
}

TEST(Bench, BadArgumentsAreOneClearLine) {
  const auto error_of = [](const std::vector<std::string>& arguments, int status) {
    const Result result = run_molmo(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  EXPECT_THAT(error_of({"bench", "-m", "nano", "-t", "1,x"}, kExitUsage), HasSubstr("--threads is '1,x'"));
  EXPECT_THAT(error_of({"bench", "-m", "nano:q3"}, kExitFailed), HasSubstr("q3"));
  EXPECT_THAT(error_of({"bench", "-m", "nano", "--layers", "7"}, kExitFailed),
              HasSubstr("--layers is 7, the model has 6"));
  EXPECT_THAT(error_of({"bench", "-m", "nano", "--prompt-tokens", "2040"}, kExitFailed),
              HasSubstr("the context holds 2048"));
  EXPECT_THAT(error_of({"bench", "-m", "molmo-7b-q"}, kExitFailed), HasSubstr("neither a folder nor a preset"));
}

}  // namespace
}  // namespace molmo::cli
