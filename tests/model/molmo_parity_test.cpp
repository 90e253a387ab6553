// Every stage of the six miniature models against the golden numbers of the reference, within the tolerances they come
// with.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include "golden_case.h"
#include "model/attention_mask.h"
#include "model/molmo.h"

namespace molmo::model {
namespace {

using test::expect_close;

at::Tensor every(const at::Tensor& x, int64_t stride, int64_t dim = 0) {
  return x.slice(dim, std::nullopt, std::nullopt, stride);
}

at::Tensor last_rows(const at::Tensor& x, int64_t count) {
  return x.slice(0, x.size(0) - count);
}

Molmo load(const checkpoint::Checkpoint& checkpoint, const checkpoint::LoadOptions& options = {}) {
  return Molmo(checkpoint.config(), checkpoint.load_weights(options));
}

// Logits [T, V] of one prompt with the formula crops of its pictures.
at::Tensor image_logits(const Molmo& molmo, const test::GoldenCase& golden, const std::string& group) {
  const at::Tensor idx = golden.tensor(group + "/image_input_idx");
  const at::Tensor crops = test::formula_crops(molmo.config().vision, idx.size(1), golden.formula_seed(group));
  const at::Tensor features = molmo.encode_images(crops, golden.tensor(group + "/image_masks"));
  const at::Tensor x = molmo.embed(golden.tensor(group + "/input_ids"), features, idx);
  return molmo.logits(molmo.decode(x, {.position_ids = golden.tensor(group + "/position_ids")}))[0];
}

class MolmoParity : public testing::TestWithParam<std::string> {
 protected:
  MolmoParity() : golden_(GetParam()), molmo_(load(test::open_golden_checkpoint(GetParam()))) {}

  at::Tensor crops(const std::string& group, int64_t num_crops) const {
    return test::formula_crops(molmo_.config().vision, num_crops, golden_.formula_seed(group));
  }

  const at::NoGradGuard no_grad_;
  test::GoldenCase golden_;
  Molmo molmo_;
};

TEST_P(MolmoParity, DecodesText) {
  std::vector<at::Tensor> hidden, router_logits;
  DecodeOptions options;
  options.hooks.after_block = [&](int64_t, const at::Tensor& x) { hidden.push_back(x[0]); };
  options.hooks.after_router = [&](int64_t, const at::Tensor& x) { router_logits.push_back(x[0]); };
  const at::Tensor x = molmo_.embed(golden_.tensor("text/input_ids"), {}, {});
  const at::Tensor last = molmo_.decode(x, options);
  hidden.insert(hidden.begin(), x[0]);
  hidden.back() = last[0];  // the reference records the last one behind the norm
  for (size_t layer = 0; layer < hidden.size(); ++layer) {
    const std::string name = "text/hidden_" + std::to_string(layer);
    expect_close(hidden[layer], golden_.tensor(name), golden_.tolerance("hidden_states"), name);
  }
  EXPECT_FALSE(golden_.has("text/hidden_" + std::to_string(hidden.size())));
  expect_close(molmo_.logits(last)[0], golden_.tensor("text/logits"), golden_.tolerance("logits"), "logits");
  ASSERT_EQ(golden_.has("text/router_logits"), !router_logits.empty());
  if (router_logits.empty()) return;
  expect_close(at::stack(router_logits), golden_.tensor("text/router_logits"), golden_.tolerance("router_logits"),
               "router logits");
}

TEST_P(MolmoParity, SeesOneImage) {
  const at::Tensor idx = golden_.tensor("image/image_input_idx");
  const at::Tensor images = crops("image", idx.size(1));
  const double tolerance = golden_.tolerance("vit_features");

  const at::Tensor features = molmo_.vision_features(images);
  expect_close(features[0][0], golden_.tensor("image/vit_features_crop0"), tolerance, "features of crop 0");
  expect_close(every(features[0][1], 9), golden_.tensor("image/vit_features_crop1_stride9"), tolerance,
               "features of crop 1");
  const at::Tensor first = molmo_.vision_block_outputs(images, {0})[0];
  expect_close(every(first[0][0], 9), golden_.tensor("image/vit_layer0_crop0"), tolerance, "first vision block");
  ASSERT_EQ(golden_.has("image/vit_cls_selected"), molmo_.config().vision.has_class_token);
  if (molmo_.config().vision.has_class_token) {
    const auto outputs = molmo_.vision_block_outputs(images, molmo_.config().connector.feature_layers);
    expect_close(at::cat(outputs, -1)[0].select(1, 0), golden_.tensor("image/vit_cls_selected"), tolerance,
                 "class token");
  }

  const at::Tensor connected = molmo_.connect(features, golden_.tensor("image/image_masks"));
  expect_close(connected[0], golden_.tensor("image/connector"), golden_.tolerance("connector"), "connector");

  const at::Tensor x = molmo_.embed(golden_.tensor("image/input_ids"), connected, idx);
  const at::Tensor hidden_0 = golden_.tensor("image/formula_hidden_0");
  const int64_t stride = hidden_0.size(0) == x.size(1) ? 1 : 7;
  expect_close(every(x[0], stride), hidden_0, golden_.tolerance("connector"), "embeddings with image features");

  std::vector<at::Tensor> router_logits;
  DecodeOptions options{.position_ids = golden_.tensor("image/position_ids")};
  options.hooks.after_router = [&](int64_t, const at::Tensor& logits) { router_logits.push_back(logits[0]); };
  const at::Tensor hidden = molmo_.decode(x, options);
  expect_close(every(hidden[0], 7), golden_.tensor("image/formula_hidden_last"), golden_.tolerance("hidden_states"),
               "last hidden state");
  expect_close(last_rows(molmo_.logits(hidden)[0], 8), golden_.tensor("image/formula_logits_last8"),
               golden_.tolerance("logits"), "logits");
  ASSERT_EQ(golden_.has("image/router_logits_stride5"), !router_logits.empty());
  if (router_logits.empty()) return;
  expect_close(every(at::stack(router_logits), 5, 1), golden_.tensor("image/router_logits_stride5"),
               golden_.tolerance("router_logits"), "router logits");
}

TEST_P(MolmoParity, MarksPaddingAsTheMasksSay) {
  at::Tensor images = crops("masks", 2);
  images[0][1].fill_(-1);
  const at::Tensor connected = molmo_.encode_images(images, golden_.tensor("masks/image_masks"));
  expect_close(every(connected[0], 3, 1), golden_.tensor("masks/connector_stride3"), golden_.tolerance("connector"),
               "connector");
}

TEST_P(MolmoParity, IgnoresThePaddingOfABatch) {
  const at::Tensor idx = golden_.tensor("batch/image_input_idx"), ids = golden_.tensor("batch/input_ids");
  const at::Tensor picture = crops("batch", idx.size(1));
  const at::Tensor images = at::cat({picture, at::full_like(picture, -1)});
  const at::Tensor features = molmo_.encode_images(images, golden_.tensor("batch/image_masks"));
  const at::Tensor valid = ids.ne(-1), lengths = valid.sum(1);
  const at::Tensor x = molmo_.embed(ids, features, idx);
  const DecodeOptions padded{.position_ids = position_ids(valid), .attention_bias = causal_bias(valid, ids.size(1))};
  // Padding stands on the right: the plain causal pattern hides it as well.
  for (const DecodeOptions& options : {padded, DecodeOptions{}}) {
    const at::Tensor logits = molmo_.logits(molmo_.decode(x, options));
    const at::Tensor a = logits[0].narrow(0, 0, lengths[0].item<int64_t>());
    const at::Tensor b = logits[1].narrow(0, 0, lengths[1].item<int64_t>());
    expect_close(last_rows(a, 8), golden_.tensor("batch/logits_A_last8"), golden_.tolerance("logits"), "image row");
    expect_close(b, golden_.tensor("batch/logits_B_valid"), golden_.tolerance("logits"), "text row");
  }
}

TEST_P(MolmoParity, SeesTwoImages) {
  expect_close(last_rows(image_logits(molmo_, golden_, "two_images"), 8),
               golden_.tensor("two_images/formula_logits_last8"), golden_.tolerance("logits"), "logits");
}

INSTANTIATE_TEST_SUITE_P(Cases, MolmoParity, testing::ValuesIn(test::model_cases()),
                         [](const auto& row) { return row.param.substr(0, 2); });

// Weights rounded to bfloat16, arithmetic in float32: stored so, and rounded while loading.
TEST(MolmoParityBf16, ComputesInFloat32OnRoundedWeights) {
  const at::NoGradGuard no_grad;
  const test::GoldenCase golden("P1-qwen2-clip"), rounded("P1-qwen2-clip", "forward_bf16weights.safetensors");
  const auto stored = checkpoint::Checkpoint::open(test::fixture_path("model/P1-qwen2-clip/hf-bf16"));
  const Molmo models[] = {load(stored), load(test::open_golden_checkpoint("P1-qwen2-clip"), {.dtype = DType::BF16})};
  const double tolerance = golden.tolerance("bf16_weights_logits");
  for (const Molmo& molmo : models) {
    const at::Tensor text = molmo.embed(golden.tensor("text/input_ids"), {}, {});
    expect_close(molmo.logits(molmo.decode(text, {}))[0], rounded.tensor("text/logits"), tolerance, "text");
    const at::Tensor image = image_logits(molmo, golden, "image");
    expect_close(last_rows(image, 8), rounded.tensor("image/formula_logits_last8"), tolerance, "image");
  }
}

}  // namespace
}  // namespace molmo::model
