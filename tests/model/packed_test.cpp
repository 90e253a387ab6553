// Layers with packed weights against the same layers with what those weights stand for.
#include <ATen/ops/argmax.h>
#include <ATen/ops/linear.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "golden_case.h"
#include "model/embedding.h"
#include "model/kv_cache.h"
#include "model/linear.h"
#include "model/moe.h"
#include "pack_weight.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using kernels::PackedType;
using test::pack;
using testing::HasSubstr;
using testing::ThrowsMessage;

// The same weights twice: as panels, and as the float32 numbers that those stand for.
struct TwoForms {
  Weights packed, dense;

  void add(const std::string& name, const at::Tensor& weight, PackedType type) {
    packed[name] = pack(weight, type);
    dense[name] = Matrix::packed(packed[name], weight.size(0), weight.size(1), name).unpacked();
  }
};

// Of a whole model; packed are those with `part` in their names.
TwoForms in_two_forms(const config::ModelConfig& config, std::string_view part, PackedType type) {
  TwoForms weights;
  for (const auto& [name, weight] : test::random_weights(config)) {
    if (name.find(part) != std::string::npos) {
      weights.add(name, weight, type);
    } else {
      weights.packed[name] = weights.dense[name] = weight;
    }
  }
  return weights;
}

// What 8-bit activations cost: half a step of the largest of 128, relative to the whole.
double relative_error(const at::Tensor& y, const at::Tensor& expected) {
  return ((y - expected).norm() / expected.norm()).item<double>();
}
constexpr double kActivationError = 0.01;

class PackedLayers : public testing::TestWithParam<PackedType> {
 protected:
  const Adapter none_;
};

INSTANTIATE_TEST_SUITE_P(Types, PackedLayers, testing::Values(PackedType::Q8, PackedType::Q4),
                         [](const auto& type) { return type.param == PackedType::Q8 ? "q8" : "q4"; });

TEST_P(PackedLayers, LinearIsThatOfItsNumbers) {
  TwoForms weights;
  weights.add("layer.weight", test::random_tensor({37, 70}, 1), GetParam());
  const at::Tensor bias = test::random_tensor({37}, 2);
  weights.packed["layer.bias"] = weights.dense["layer.bias"] = bias.to(at::kBFloat16);
  Adapter adapter;
  adapter.updates["layer.weight"] = {
      .a = test::random_tensor({4, 70}, 4), .b = test::random_tensor({37, 4}, 5), .scale = 0.5};
  for (const Adapter* update : {static_cast<const Adapter*>(&none_), static_cast<const Adapter*>(&adapter)}) {
    const Linear packed(WeightScope(weights.packed, *update), "layer", 37, 70, Bias::Yes);
    const Linear dense(WeightScope(weights.dense, *update), "layer", 37, 70, Bias::Yes);
    EXPECT_FALSE(packed.is_trained());
    for (const int64_t num_tokens : {0, 1, 3, 40}) {
      const at::Tensor x = test::random_tensor({2, num_tokens, 70}, 3);
      const at::Tensor y = packed.forward(x), expected = dense.forward(x);
      ASSERT_EQ(y.sizes(), expected.sizes());
      if (num_tokens == 0) continue;
      EXPECT_LT(relative_error(y, expected), kActivationError);
    }
  }
}

TEST_P(PackedLayers, EmbeddingReadsItsRowsExactly) {
  config::ModelConfig config = test::tiny_config();
  const auto& decoder = config.decoder;
  TwoForms weights;
  weights.add("embedding", test::random_tensor({decoder.embedding_size, decoder.width}, 1), GetParam());
  weights.add("new_embedding", test::random_tensor({decoder.additional_vocab_size, decoder.width}, 2), GetParam());
  const at::Tensor ids = at::tensor({0, 5, -1, static_cast<int>(decoder.embedding_size), 1}).view({1, 5});
  const Embedding packed(WeightScope(weights.packed, none_), decoder),
      dense(WeightScope(weights.dense, none_), decoder);
  EXPECT_TRUE(packed.forward(ids).equal(dense.forward(ids)));
  EXPECT_THROW(packed.forward(at::tensor({1 << 20}).view({1, 1})), Error);
}

TEST_P(PackedLayers, ExpertsTakeTheirTokensTogether) {
  config::ModelConfig config = test::tiny_config();
  config.decoder.num_experts = 7;
  config.decoder.num_active_experts = 2;
  const TwoForms weights = in_two_forms(config, "experts", GetParam());
  const Moe packed(WeightScope(weights.packed, none_).child("transformer.blocks.0"), config.decoder);
  const Moe dense(WeightScope(weights.dense, none_).child("transformer.blocks.0"), config.decoder);
  for (const int64_t num_tokens : {0, 1, 2, 33}) {
    const at::Tensor x = test::random_tensor({2, num_tokens, config.decoder.width}, 3);
    const at::Tensor y = packed.forward(x, {}), expected = dense.forward(x, {});
    ASSERT_EQ(y.sizes(), expected.sizes());
    if (num_tokens == 0) continue;
    EXPECT_LT(relative_error(y, expected), 2 * kActivationError);
  }
}

TEST_P(PackedLayers, AttentionKeepsKeysAndValuesInHalfTheMemory) {
  const config::ModelConfig config = test::tiny_config();
  const TwoForms weights = in_two_forms(config, "att_proj.weight", GetParam());
  const at::Tensor x = test::random_tensor({1, 20, config.decoder.width}, 3);
  KvCache halves(config.decoder.num_layers), floats(config.decoder.num_layers);
  const at::Tensor y = Molmo(config, weights.packed).decode(x, {}, &halves),
                   expected = Molmo(config, weights.dense).decode(x, {}, &floats);
  EXPECT_LT(relative_error(y, expected), 2 * kActivationError);
  EXPECT_EQ(2 * halves.num_bytes(), floats.num_bytes());
}

TEST_P(PackedLayers, GroupedRowsAreThoseOfEachLayerToTheBit) {
  Weights weights;
  std::vector<Linear> layers;
  std::vector<const Linear*> pointers;
  for (int i = 0; i < 8; ++i) weights[fmt::format("{}.weight", i)] = pack(test::random_tensor({50, 96}, i), GetParam());
  for (int i = 0; i < 8; ++i) layers.emplace_back(WeightScope(weights, none_), std::to_string(i), 50, 96);
  for (const Linear& layer : layers) pointers.push_back(&layer);
  const at::Tensor rows = test::random_tensor({16, 96}, 9);
  const auto expect_as_one_by_one = [&](const at::Tensor& y, size_t first) {
    EXPECT_TRUE(y.narrow(0, 0, 1).equal(layers[first].forward(rows.narrow(0, 0, 1))));
    EXPECT_TRUE(y.narrow(0, 1, 12).equal(layers[first + 2].forward(rows.narrow(0, 1, 12))));
    EXPECT_TRUE(y.narrow(0, 13, 3).equal(layers[first + 3].forward(rows.narrow(0, 13, 3))));
  };
  expect_as_one_by_one(forward_grouped({pointers.begin(), pointers.begin() + 4}, rows, {1, 0, 12, 3}), 0);
  const at::Tensor both = forward_grouped(pointers, rows, {1, 0, 12, 3});
  expect_as_one_by_one(both.narrow(1, 0, 50), 0);
  expect_as_one_by_one(both.narrow(1, 50, 50), 4);
}

TEST(Matrix, SaysWhatItExpected) {
  const at::Tensor packed = pack(test::random_tensor({20, 70}, 1), PackedType::Q8);
  EXPECT_THAT(
      [&] { Matrix::packed(packed, 20, 100, "weight 'x'"); },
      ThrowsMessage<Error>(AllOf(HasSubstr("weight 'x'"), HasSubstr("[2, 1600]"), HasSubstr("[2, 2112] as q8"))));
}

}  // namespace
}  // namespace molmo::model
