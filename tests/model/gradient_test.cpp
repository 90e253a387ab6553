// Gradients of every parameter of every variant against central differences in double precision.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "golden_case.h"
#include "model/attention_mask.h"
#include "model/molmo.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

struct GradientVariant {
  std::string name;
  void (*change)(config::ModelConfig&) = [](config::ModelConfig&) {};
};

class Gradients : public testing::TestWithParam<GradientVariant> {
 protected:
  // A padded row beside one with a picture, one of whose crops is padding; all outputs weighted at random.
  at::Tensor loss(const config::ModelConfig& config, const Weights& weights) const {
    const Molmo molmo(config, weights);
    const int64_t num_patches = config.vision.num_patches(), per_crop = config.tokens_per_crop();
    at::Tensor images = test::random_tensor({2, 2, num_patches, config.vision.patch_dim()}, 1, at::kDouble);
    images[1].fill_(-1);
    at::Tensor masks = test::random_tensor({2, 2, num_patches}, 2, at::kDouble).clamp_min(0);
    masks[1].fill_(-1);
    const at::Tensor ids =
        at::cat({test::ids({1, 30, 32, 32, 31, 2, 3, 4}), test::ids({5, 6, 29, -1, -1, -1, -1, -1})});
    at::Tensor idx = at::full({2, 2, per_crop}, -1, at::kLong);
    idx[0][0][0] = 2;
    idx[0][1][per_crop - 1] = 3;
    const at::Tensor valid = ids.ge(0);
    const DecodeOptions options{.position_ids = position_ids(valid), .attention_bias = causal_bias(valid, 8)};
    const at::Tensor x = molmo.embed(ids, molmo.encode_images(images, masks), idx);
    const at::Tensor logits = molmo.logits(molmo.decode(x, options));
    const at::Tensor weighted = logits * test::random_tensor(logits.sizes(), 3, at::kDouble);
    return (weighted * valid.unsqueeze(-1).to(at::kDouble)).sum();
  }
};

// How fast the loss grows when the weight moves along the direction.
double central_difference(at::Tensor& weight, const at::Tensor& direction, const std::function<double()>& loss) {
  constexpr double kStep = 1e-6;
  const at::NoGradGuard no_grad;
  const at::Tensor start = weight.clone();
  weight.copy_(start + kStep * direction);
  const double above = loss();
  weight.copy_(start - kStep * direction);
  const double below = loss();
  weight.copy_(start);
  return (above - below) / (2 * kStep);
}

TEST_P(Gradients, EqualCentralDifferences) {
  config::ModelConfig config = test::tiny_config();
  config.decoder.num_layers = 1;
  GetParam().change(config);
  Weights weights = test::random_weights(config, at::kDouble);
  for (auto& [name, weight] : weights) weight.requires_grad_(true);
  loss(config, weights).backward();
  for (auto& [name, weight] : weights) {
    const bool is_behind_last_block = name.find("resblocks.2") != std::string::npos;
    ASSERT_EQ(weight.grad().defined(), !is_behind_last_block) << name;
    if (is_behind_last_block) continue;
    const at::Tensor direction = test::random_tensor(weight.sizes(), 17, at::kDouble);
    const double actual = (weight.grad() * direction).sum().item<double>();
    const double expected = central_difference(weight, direction, [&] { return loss(config, weights).item<double>(); });
    // Rounding of the loss (1e-14 of about 1e2) over the step, and the third derivative.
    const double scale = (weight.grad() * direction).abs().sum().item<double>();
    EXPECT_NEAR(actual, expected, 1e-6 * (1 + scale)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Variants, Gradients,
    testing::Values(GradientVariant{.name = "released"},
                    GradientVariant{"olmo",
                                    [](config::ModelConfig& config) {
                                      config.decoder.has_qk_norm = config.decoder.has_norm_after = true;
                                      config.decoder.has_qkv_bias = false;
                                      config.decoder.num_kv_heads = config.decoder.num_heads;
                                    }},
                    GradientVariant{"experts",
                                    [](config::ModelConfig& config) {
                                      config.decoder.num_experts = 6;
                                      config.decoder.num_active_experts = 2;
                                      config.decoder.has_qk_norm = true;
                                    }},
                    GradientVariant{"tied_head",
                                    [](config::ModelConfig& config) { config.decoder.has_tied_head = true; }},
                    GradientVariant{"siglip_odd_grid",
                                    [](config::ModelConfig& config) {
                                      config.vision.has_class_token = config.vision.has_pre_norm = false;
                                      config.vision.has_patch_bias = true;
                                      config.vision.activation = config::Activation::GeluTanh;
                                      config.vision.input_size = {6, 10};
                                      config.vision.num_positions = 16;
                                    }},
                    GradientVariant{"dinov2",
                                    [](config::ModelConfig& config) {
                                      config.vision.has_pre_norm = false;
                                      config.vision.has_patch_bias = config.vision.has_layer_scale = true;
                                      config.vision.activation = config::Activation::Gelu;
                                    }},
                    GradientVariant{"wide_two_mlps",
                                    [](config::ModelConfig& config) {
                                      config.connector.pooling = config::Pooling::Attention2Wide;
                                      config.connector.projector = config::Projector::Mlp2;
                                      config.connector.padding_embed = config::PaddingEmbed::Regress;
                                    }},
                    GradientVariant{"attention_pad_embed",
                                    [](config::ModelConfig& config) {
                                      config.connector.pooling = config::Pooling::Attention;
                                      config.connector.padding_embed = config::PaddingEmbed::PadEmbed;
                                    }},
                    GradientVariant{"stack_linear",
                                    [](config::ModelConfig& config) {
                                      config.connector.pooling = config::Pooling::Stack;
                                      config.connector.projector = config::Projector::Linear;
                                      config.connector.padding_embed = config::PaddingEmbed::None;
                                    }}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace molmo::model
