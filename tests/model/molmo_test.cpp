#include "model/molmo.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "golden_case.h"
#include "model/attention_mask.h"
#include "model/kv_cache.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MolmoTest : public testing::Test {
 protected:
  Molmo make() const { return Molmo(config_, weights_); }
  std::string error_of(const std::function<void()>& function) const {
    try {
      function();
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
      return error.what();
    }
    return "no error";
  }

  config::ModelConfig config_ = test::tiny_config();
  Weights weights_ = test::random_weights(config_);
};

TEST_F(MolmoTest, CallsHooksInOrder) {
  config_.decoder.num_experts = 4;
  config_.decoder.num_active_experts = 2;
  weights_ = test::random_weights(config_);
  std::vector<std::string> calls;
  DecodeOptions options;
  options.hooks.before_block = [&](int64_t layer) { calls.push_back(fmt::format("before {}", layer)); };
  options.hooks.after_router = [&](int64_t layer, const at::Tensor& logits) {
    EXPECT_EQ(logits.sizes(), (std::vector<int64_t>{1, 3, 4}));
    calls.push_back(fmt::format("router {}", layer));
  };
  options.hooks.after_block = [&](int64_t layer, const at::Tensor& hidden) {
    EXPECT_EQ(hidden.sizes(), (std::vector<int64_t>{1, 3, 16}));
    calls.push_back(fmt::format("after {}", layer));
  };
  const Molmo molmo = make();
  const at::Tensor x = molmo.embed(test::ids({1, 2, 3}), {}, {});
  const at::Tensor hidden = molmo.decode(x, options);
  EXPECT_THAT(calls, ElementsAre("before 0", "router 0", "after 0", "before 1", "router 1", "after 1"));
  test::expect_close(molmo.decode(x, {}), hidden, 0, "without hooks");
}

TEST_F(MolmoTest, LooksUpBothTables) {
  const Molmo molmo = make();
  const at::Tensor x = molmo.embed(test::ids({29, 30, 37, -1, 0}), {}, {})[0];
  const at::Tensor table = weights_["transformer.wte.embedding"], extra = weights_["transformer.wte.new_embedding"];
  test::expect_close(x, at::stack({table[29], extra[0], extra[7], table[0], table[0]}), 0, "rows");
  EXPECT_THAT(error_of([&] { molmo.embed(test::ids({38}), {}, {}); }), HasSubstr("token id 38"));
  EXPECT_THAT(error_of([&] { molmo.embed(test::ids({-2}), {}, {}); }), HasSubstr("token id -2"));
}

TEST_F(MolmoTest, AddsImageFeaturesWhereTheIndexIsNotNegative) {
  const Molmo molmo = make();
  const at::Tensor ids = at::cat({test::ids({1, 2, 3, 4}), test::ids({5, 6, 7, -1})});
  const at::Tensor features = test::random_tensor({2, 1, 4, 16}, 3);
  const at::Tensor idx = at::cat({test::ids({2, -100, 0, -1}), test::ids({-1, -1, -1, 1})}).view({2, 1, 4});
  const at::Tensor plain = molmo.embed(ids, {}, {}), x = molmo.embed(ids, features, idx);
  at::Tensor expected = plain.clone();
  expected[0][2] += features[0][0][0];
  expected[0][0] += features[0][0][2];
  expected[1][1] += features[1][0][3];
  test::expect_close(x, expected, 1e-6, "embeddings");
  EXPECT_THAT(error_of([&] { molmo.embed(ids, features, idx + 2); }), HasSubstr("position 4, the sequence has 4"));
  EXPECT_THAT(error_of([&] { molmo.embed(ids, features, {}); }), HasSubstr("image_input_idx is missing"));
}

TEST_F(MolmoTest, SharesTheEmbeddingWithATiedHead) {
  config_.decoder.has_tied_head = true;
  weights_["transformer.ff_out.weight"] = weights_["transformer.wte.embedding"];
  config_.decoder.has_tied_head = false;
  const at::Tensor hidden = test::random_tensor({1, 2, 16}, 4);
  const at::Tensor expected = make().logits(hidden);
  config_.decoder.has_tied_head = true;
  weights_.erase("transformer.ff_out.weight");
  test::expect_close(make().logits(hidden), expected, 0, "logits");
}

// Two conversations packed behind one picture must each give what they give alone.
TEST_F(MolmoTest, PackedConversationsDoNotSeeEachOther) {
  const Molmo molmo = make();
  const at::Tensor image = test::ids({30, 32, 32, 31}), first = test::ids({3, 4, 5}), second = test::ids({6, 7});
  const at::Tensor ids = at::cat({image, first, second}, 1);
  const at::Tensor subsegments = test::ids({10000, 10000, 10000, 10000, 1, 1, 1, 2, 2});
  const at::Tensor valid = ids.ge(0);
  const DecodeOptions packed{.position_ids = packed_position_ids(subsegments, valid),
                             .attention_bias = packed_bias(subsegments, valid)};
  const at::Tensor hidden = molmo.decode(molmo.embed(ids, {}, {}), packed);
  const at::Tensor alone = molmo.decode(molmo.embed(at::cat({image, second}, 1), {}, {}), {});
  test::expect_close(hidden.slice(1, 7), alone.slice(1, 4), 1e-5, "second conversation");
}

// Padding in the middle, as a batch of prompts leaves it when their answers are appended.
TEST_F(MolmoTest, DecodesBehindPaddedPrompts) {
  const at::NoGradGuard no_grad;
  const Molmo molmo = make();
  const at::Tensor prompts = at::cat({test::ids({1, 2, 3, 4}), test::ids({5, 6, -1, -1})});
  KvCache cache(config_.decoder.num_layers);
  at::Tensor valid = prompts.ge(0);
  molmo.decode(molmo.embed(prompts, {}, {}),
               {.position_ids = position_ids(valid), .attention_bias = causal_bias(valid, 4)}, &cache);
  at::Tensor hidden;
  for (int64_t step = 0; step < 2; ++step) {
    const at::Tensor next = at::cat({test::ids({7 + step}), test::ids({9 + step})});
    valid = at::cat({valid, next.ge(0)}, 1);
    hidden = molmo.decode(
        molmo.embed(next, {}, {}),
        {.position_ids = position_ids(valid).slice(1, 4 + step), .attention_bias = causal_bias(valid, 1)}, &cache);
  }
  const auto alone = [&](const at::Tensor& ids) { return molmo.decode(molmo.embed(ids, {}, {}), {})[0][-1]; };
  test::expect_close(hidden[0][0], alone(test::ids({1, 2, 3, 4, 7, 8})), 1e-5, "long prompt");
  test::expect_close(hidden[1][0], alone(test::ids({5, 6, 9, 10})), 1e-5, "short prompt");
}

TEST_F(MolmoTest, NamesTheWeightThatIsWrong) {
  for (const auto& [name, tensor] : Weights(weights_)) {
    if (name.find("resblocks.2") != std::string::npos) continue;  // behind the last used block
    weights_.erase(name);
    EXPECT_THAT(error_of([&] { make(); }), HasSubstr("'" + name + "' is missing")) << name;
    weights_[name] = at::zeros({3, 1, 2});
    EXPECT_THAT(error_of([&] { make(); }), HasSubstr("'" + name + "' is [3, 1, 2], the configuration wants"));
    weights_[name] = tensor;
  }
}

TEST_F(MolmoTest, ChecksTheShapesOfItsInputs) {
  const Molmo molmo = make();
  const at::Tensor images = at::zeros({1, 2, 16, 12}), masks = at::zeros({1, 2, 16});
  EXPECT_THAT(error_of([&] { molmo.vision_features(images[0]); }), HasSubstr("images is [2, 16, 12]"));
  EXPECT_THAT(error_of([&] {
                molmo.vision_features(at::zeros({1, 2, 15, 12}));
              }),
              HasSubstr("images is [1, 2, 15, 12]"));
  EXPECT_THAT(error_of([&] { molmo.encode_images(images, masks[0]); }), HasSubstr("image_masks is [2, 16]"));
  EXPECT_THAT(error_of([&] { molmo.embed(test::ids({1})[0], {}, {}); }), HasSubstr("input_ids is [1]"));
  EXPECT_THAT(error_of([&] { molmo.decode(at::zeros({1, 2, 15}), {}); }), HasSubstr("embeddings is [1, 2, 15]"));
  const at::Tensor x = at::zeros({1, 2, 16});
  EXPECT_THAT(error_of([&] { molmo.decode(x, {.position_ids = test::ids({1})}); }),
              HasSubstr("position_ids is [1, 1]"));
  EXPECT_THAT(error_of([&] {
                molmo.decode(x, {.attention_bias = at::zeros({1, 1, 2, 3})});
              }),
              HasSubstr("attention_bias is [1, 1, 2, 3], expected [1, 1, 2, 2]"));
}

TEST_F(MolmoTest, EncodesNoCrops) {
  const Molmo molmo = make();
  const at::Tensor features = molmo.encode_images(at::zeros({1, 0, 16, 12}), at::zeros({1, 0, 16}));
  EXPECT_EQ(features.sizes(), (std::vector<int64_t>{1, 0, 4, 16}));
}

}  // namespace
}  // namespace molmo::model
