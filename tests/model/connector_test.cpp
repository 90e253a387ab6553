// Every pooling, projector, padding embedding and grid against plain loops: only the released models' choice has golden
// numbers.
#include "model/connector.h"

#include <gtest/gtest.h>

#include <tuple>

#include "base/error.h"
#include "golden_case.h"
#include "slow_twin.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using config::PaddingEmbed;
using config::Pooling;
using config::Projector;
using test::Row;
using test::Rows;

struct Variant {
  std::string name;
  Pooling pooling = Pooling::AttentionMeanQuery;
  Projector projector = Projector::Mlp;
  PaddingEmbed padding_embed = PaddingEmbed::PadAndPartialPad;
  std::array<int64_t, 2> window = {2, 2};
  std::array<int64_t, 2> grid = {4, 4};
};

config::ModelConfig config_of(const Variant& variant) {
  config::ModelConfig config = test::tiny_config();
  config.connector.pooling = variant.pooling;
  config.connector.projector = variant.projector;
  config.connector.padding_embed = variant.padding_embed;
  config.connector.pooling_window = variant.window;
  config.vision.input_size = {variant.grid[0] * 2, variant.grid[1] * 2};
  return config;
}

Row slow_mark(Row patch, double mask, const Weights& weights, PaddingEmbed padding_embed) {
  if (padding_embed == PaddingEmbed::None) return patch;
  const Row embed = test::to_row(weights.at("vision_backbone.pad_embed"));
  const size_t width = patch.size();
  for (size_t i = 0; i < width; ++i) {
    switch (padding_embed) {
      case PaddingEmbed::None:
        break;
      case PaddingEmbed::PadEmbed:
        if (mask == 0) patch[i] += embed[i];
        break;
      case PaddingEmbed::Regress:
        if (mask > 0) patch[i] += embed[i] * mask;
        break;
      case PaddingEmbed::PadAndPartialPad:
        if (mask == 0) patch[i] += embed[i];
        if (mask != 0 && mask < 1) patch[i] += embed[width + i];
        break;
    }
  }
  return patch;
}

Row slow_pool(const Rows& window, const Weights& weights, const config::ModelConfig& config) {
  const std::string name = "vision_backbone.image_pooling_2d.";
  Row query = window[0];
  switch (config.connector.pooling) {
    case Pooling::None:
      return window[0];
    case Pooling::Stack: {
      Row stacked;
      for (const Row& patch : window) stacked.insert(stacked.end(), patch.begin(), patch.end());
      return stacked;
    }
    case Pooling::AttentionMeanQuery:
      for (size_t i = 1; i < window.size(); ++i) query = test::operator+(query, window[i]);
      for (double& value : query) value /= static_cast<double>(window.size());
      break;
    case Pooling::Attention:
    case Pooling::Attention2Wide:
      break;
  }
  Rows keys, values;
  for (const Row& patch : window) {
    keys.push_back(test::slow_linear(patch, weights, name + "wk"));
    values.push_back(test::slow_linear(patch, weights, name + "wv"));
  }
  const Row q = test::slow_linear(query, weights, name + "wq");
  return test::slow_linear(test::slow_attention(q, keys, values, config.vision.num_heads), weights, name + "wo");
}

Row slow_project(const Row& x, const Weights& weights, Projector projector) {
  const std::string name = "vision_backbone.image_projector";
  const auto mlp = [&](const Row& row, const std::string& part) {
    return test::slow_gated_mlp(row, weights, part + ".w1", part + ".w3", part + ".w2");
  };
  if (projector == Projector::Linear) return test::slow_linear(x, weights, name);
  if (projector == Projector::Mlp) return mlp(x, name);
  const Row y = mlp(x, name + ".0");
  return test::operator+(y, mlp(y, name + ".1.submodule"));
}

// features: [P, width], masks: [P] -> [Q][D] of one crop.
Rows slow_connector(const at::Tensor& features, const at::Tensor& masks, const Weights& weights,
                    const config::ModelConfig& config) {
  const auto [rows, columns] = config.vision.patch_grid();
  const auto [window_rows, window_columns] = config.connector.pooling_window;
  const Rows patches = test::to_rows(features);
  const Row mask = test::to_row(masks);
  Rows tokens;
  for (int64_t top = 0; top < rows; top += window_rows) {
    for (int64_t left = 0; left < columns; left += window_columns) {
      Rows window;
      for (int64_t row = top; row < top + window_rows; ++row) {
        for (int64_t column = left; column < left + window_columns; ++column) {
          const int64_t patch = row * columns + column;
          const bool is_outside = row >= rows || column >= columns;
          window.push_back(is_outside
                               ? Row(patches[0].size(), 0.0)
                               : slow_mark(patches[patch], mask[patch], weights, config.connector.padding_embed));
        }
      }
      tokens.push_back(slow_project(slow_pool(window, weights, config), weights, config.connector.projector));
    }
  }
  return tokens;
}

class ConnectorVariants : public testing::TestWithParam<Variant> {};

TEST_P(ConnectorVariants, EqualsPlainLoops) {
  const config::ModelConfig config = config_of(GetParam());
  const Weights weights = test::random_weights(config);
  const Molmo molmo(config, weights);
  const int64_t num_patches = config.vision.num_patches();
  const at::Tensor features = test::random_tensor({2, 3, num_patches, 2 * config.vision.width}, 7);
  at::Tensor masks = test::random_tensor({2, 3, num_patches}, 8).abs();
  masks.flatten().slice(0, 0, std::nullopt, 3).fill_(1);
  masks.flatten().slice(0, 1, std::nullopt, 5).fill_(0);
  masks[1][2].fill_(-1);  // a crop that pads the batch
  const at::Tensor tokens = molmo.connect(features, masks);
  ASSERT_EQ(tokens.sizes(), (std::vector<int64_t>{2, 3, config.tokens_per_crop(), config.decoder.width}));
  for (int64_t example = 0; example < 2; ++example) {
    for (int64_t crop = 0; crop < 3; ++crop) {
      const Rows slow = slow_connector(features[example][crop], masks[example][crop], weights, config);
      ASSERT_EQ(static_cast<int64_t>(slow.size()), config.tokens_per_crop());
      for (size_t token = 0; token < slow.size(); ++token) {
        // Sums of up to a hundred products of order one, in float32.
        test::expect_close(tokens[example][crop][static_cast<int64_t>(token)], at::tensor(slow[token], at::kDouble),
                           2e-5, "token");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ConnectorVariants,
    testing::Values(Variant{.name = "released"}, Variant{.name = "attention", .pooling = Pooling::Attention},
                    Variant{.name = "attention_2wide", .pooling = Pooling::Attention2Wide},
                    Variant{.name = "stack", .pooling = Pooling::Stack},
                    Variant{.name = "none", .pooling = Pooling::None, .window = {1, 1}},
                    Variant{.name = "two_mlps", .projector = Projector::Mlp2},
                    Variant{.name = "linear", .projector = Projector::Linear},
                    Variant{.name = "stack_linear", .pooling = Pooling::Stack, .projector = Projector::Linear},
                    Variant{.name = "no_padding_embed", .padding_embed = PaddingEmbed::None},
                    Variant{.name = "pad_embed", .padding_embed = PaddingEmbed::PadEmbed},
                    Variant{.name = "regress", .padding_embed = PaddingEmbed::Regress},
                    Variant{.name = "odd_grid", .grid = {5, 3}},
                    Variant{.name = "odd_grid_stack", .pooling = Pooling::Stack, .grid = {3, 5}},
                    Variant{.name = "odd_grid_wide_window", .window = {3, 2}, .grid = {4, 5}},
                    Variant{.name = "uneven_window", .pooling = Pooling::Attention, .window = {1, 4}}),
    [](const auto& row) { return row.param.name; });

TEST(Connector, RefusesAWindowWithoutPooling) {
  const config::ModelConfig config = config_of({.name = "", .pooling = Pooling::None});
  EXPECT_THROW(Molmo(config, test::random_weights(config)), Error);
}

}  // namespace
}  // namespace molmo::model
