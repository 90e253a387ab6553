#include "checkpoint/init.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/fields.h"
#include "base/file.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/random_fill.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using config::ModelConfig;

// Every architecture of the paper, small enough for a test.
ModelConfig small(const std::string& preset) {
  ModelConfig config = config::preset(preset);
  config.vision.width = 32;
  config.vision.num_layers = 10;
  config.vision.num_heads = 2;
  config.vision.head_dim = 16;
  config.vision.mlp_width = 64;
  config.decoder.width = 64;
  config.decoder.num_layers = 2;
  config.decoder.num_heads = 4;
  config.decoder.num_kv_heads = preset == "molmo-7b-d" ? 2 : 4;
  config.decoder.head_dim = 16;
  config.decoder.mlp_width = 32;
  config.decoder.vocab_size = 500;
  config.decoder.embedding_size = 512;
  config.connector.mlp_width = 32;
  return config;
}

// Moments of a sample of n: the sample mean of x^k has the variance (E x^2k - (E x^k)^2) / n; six of its deviations are
// allowed.
TEST(RandomFill, ZigguratDrawsAStandardNormal) {
  RandomStream stream(1, "test");
  constexpr int kDraws = 4'000'000;
  double sums[5] = {};
  int beyond_two = 0, beyond_tail = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = ziggurat_normal(stream);
    for (int k = 1; k <= 4; ++k) sums[k] += std::pow(x, k);
    beyond_two += std::abs(x) > 2;
    beyond_tail += std::abs(x) > 3.7;  // the separate tail
  }
  const double expected[] = {0, 0, 1, 0, 3}, variance[] = {0, 1, 2, 15, 96};
  for (int k = 1; k <= 4; ++k)
    EXPECT_NEAR(sums[k] / kDraws, expected[k], 6 * std::sqrt(variance[k] / kDraws)) << "moment " << k;
  const auto expect_share = [&](int count, double share) {
    EXPECT_NEAR(count, kDraws * share, 6 * std::sqrt(kDraws * share)) << share;
  };
  expect_share(beyond_two, std::erfc(2 / std::sqrt(2.0)));
  expect_share(beyond_tail, std::erfc(3.7 / std::sqrt(2.0)));
}

TEST(RandomFill, DependsOnSeedAndPurposeButNotOnThreads) {
  const Distribution distribution{Distribution::Kind::Normal, 0.02, 3};
  const auto make = [&](uint64_t seed, const char* purpose) {
    return random_tensor({3, 70'001}, DType::BF16, distribution, seed, purpose);
  };
  set_num_threads(1);
  const at::Tensor one = make(7, "a");
  set_num_threads(3);
  EXPECT_TRUE(at::equal(one, make(7, "a")));
  EXPECT_FALSE(at::equal(one, make(8, "a")));
  EXPECT_FALSE(at::equal(one, make(7, "b")));
  EXPECT_LE(one.abs().max().item<float>(), 0.06 * (1 + 0x1p-8));
  EXPECT_NEAR(one.to(at::kFloat).std().item<float>(), 0.02 * std::sqrt(0.97333),
              2e-4);  // variance of a normal cut off at 3
}

TEST(Init, MakesACheckpointThatOpensForEveryPreset) {
  for (const std::string& preset : config::preset_names()) {
    test::TemporaryFolder folder;
    const ModelConfig config = small(preset);
    init_checkpoint(config, folder.path() / "model", {.seed = 3, .dtype = DType::F32});
    const Checkpoint checkpoint = Checkpoint::open(folder.path() / "model");
    EXPECT_EQ(write_fields(checkpoint.config()), write_fields(config)) << preset;
    EXPECT_EQ(checkpoint.load_weights().size(), checkpoint.weights().size());
    EXPECT_TRUE(fs::exists(checkpoint.tokenizer_folder() / "tokenizer.json"));
  }
}

// Deviations by the reference's reset_parameters.
TEST(Init, DrawsEachParameterAsTheReference) {
  test::TemporaryFolder folder;
  ModelConfig config = small("molmo-7b-o");
  config.connector.projector = config::Projector::Linear;
  init_checkpoint(config, folder.path() / "model", {.seed = 3, .dtype = DType::F32});
  const auto weights = Checkpoint::open(folder.path() / "model").load_weights();
  const auto expect_constant = [&](const std::string& name, float value) {
    EXPECT_TRUE(at::equal(weights.at(name), at::full_like(weights.at(name), value))) << name;
  };
  const auto expect_deviation = [&](const std::string& name, double deviation) {
    const at::Tensor& weight = weights.at(name);
    EXPECT_NEAR(weight.std().item<double>(), deviation,
                5 * deviation / std::sqrt(2.0 * static_cast<double>(weight.numel())))
        << name;
  };
  const double cut = std::sqrt(0.97333);  // OLMo's matrices are cut off at three deviations
  const std::string vit = "vision_backbone.image_vit.", block = vit + "transformer.resblocks.4.",
                    layer = "transformer.blocks.1.";
  expect_constant(layer + "attn_norm.weight", 1);
  expect_constant(layer + "k_norm.weight", 1);
  expect_constant("transformer.ln_f.weight", 1);
  expect_constant("vision_backbone.pad_embed", 0);
  expect_constant(vit + "pre_ln.weight", 1);
  expect_constant(vit + "pre_ln.bias", 0);
  expect_constant(block + "attention.wq.bias", 0);
  expect_constant("vision_backbone.image_pooling_2d.wo.bias", 0);
  expect_deviation("transformer.wte.embedding", 0.02);
  expect_deviation("transformer.wte.new_embedding", 0.02);
  expect_deviation("transformer.ff_out.weight", 0.02 * cut);
  expect_deviation(layer + "att_proj.weight", 0.02 * cut);
  expect_deviation(layer + "attn_out.weight", 0.02 * cut);
  expect_deviation(layer + "ff_out.weight", 0.02 * cut / std::sqrt(2.0 * 2));
  expect_deviation("vision_backbone.image_pooling_2d.wq.weight", 0.02);
  expect_deviation("vision_backbone.image_projector.weight", std::sqrt(2.0 / (64 + 32)));  // Xavier: bound^2 / 3
  // Sines and cosines, so that every patch has the same norm: one for each pair.
  const at::Tensor positions = weights.at(vit + "positional_embedding").narrow(0, 1, 4).to(at::kDouble);
  for (int64_t patch = 0; patch < 4; ++patch)
    EXPECT_NEAR(positions[patch].norm().item<double>(), std::sqrt(16.0), 1e-5);
  EXPECT_GT((positions[1] - positions[2]).norm().item<double>(), 1.0);
  expect_deviation(vit + "patch_embedding.weight", 0.02);
  expect_deviation(block + "attention.wo.weight", 0.02);
  expect_deviation(block + "feed_forward.w1.weight", 1 / std::sqrt(32.0));
  expect_deviation(block + "feed_forward.w2.weight", 1 / std::sqrt(64.0));
}

TEST(Init, SameSeedGivesTheSameBytes) {
  test::TemporaryFolder folder;
  const ModelConfig config = small("molmoe-1b");
  set_num_threads(1);
  init_checkpoint(config, folder.path() / "one", {.seed = 5});
  set_num_threads(4);
  init_checkpoint(config, folder.path() / "two", {.seed = 5});
  for (const auto& entry : fs::directory_iterator(folder.path() / "one")) {
    EXPECT_EQ(read_file(entry.path()), read_file(folder.path() / "two" / entry.path().filename())) << entry.path();
  }
}

TEST(Init, CopiesATokenizerOnlyIfItsImageTokensFit) {
  test::TemporaryFolder folder;
  ModelConfig config = small("molmo-7b-d");
  const fs::path tokenizer = test::checkpoint_path("P1-qwen2-clip");
  EXPECT_THROW(init_checkpoint(config, folder.path() / "model", {.tokenizer = tokenizer}), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  config.decoder.vocab_size = config.decoder.embedding_size = 704;
  init_checkpoint(config, folder.path() / "model", {.tokenizer = tokenizer});
  EXPECT_EQ(read_file(folder.path() / "model" / "tokenizer.json"), read_file(tokenizer / "tokenizer.json"));
}

}  // namespace
}  // namespace molmo::checkpoint
