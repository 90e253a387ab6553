#include "model/connector.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>

#include "base/error.h"
#include "model/mlp.h"

namespace molmo::model {
namespace {

using config::PaddingEmbed;
using config::Pooling;
using config::Projector;

int64_t feature_width(const config::ModelConfig& config) {
  return static_cast<int64_t>(config.connector.feature_layers.size()) * config.vision.width;
}

int64_t pooled_width(const config::ModelConfig& config) {
  const auto [rows, columns] = config.connector.pooling_window;
  switch (config.connector.pooling) {
    case Pooling::AttentionMeanQuery:
    case Pooling::Attention:
      return config.vision.width;
    case Pooling::Attention2Wide:
      return 2 * config.vision.width;
    case Pooling::Stack:
      return rows * columns * feature_width(config);
    case Pooling::None:
      return feature_width(config);
  }
  fail(ErrorCategory::Internal, "internal error: pooling of the connector");
}

}  // namespace

ProjectorMlp::ProjectorMlp(const WeightScope& scope, int64_t in, int64_t hidden, int64_t out)
    : gate_(scope, "w1", hidden, in), up_(scope, "w3", hidden, in), down_(scope, "w2", out, hidden) {}

at::Tensor ProjectorMlp::forward(const at::Tensor& x) const {
  return in_row_blocks(x, gate_.is_trained(), [this](const at::Tensor& rows) {
    return down_.forward(gate(gate_.forward(rows), up_.forward(rows)));
  });
}

Connector::Connector(const WeightScope& scope, const config::ModelConfig& config) : config_(config) {
  const auto& connector = config.connector;
  const int64_t width = feature_width(config);
  if (connector.padding_embed == PaddingEmbed::PadAndPartialPad) pad_embed_ = scope.get_small("pad_embed", {2, width});
  if (connector.padding_embed == PaddingEmbed::PadEmbed || connector.padding_embed == PaddingEmbed::Regress) {
    pad_embed_ = scope.get_small("pad_embed", {width});
  }
  if (connector.pooling != Pooling::Stack && connector.pooling != Pooling::None) {
    const int64_t factor = connector.pooling == Pooling::Attention2Wide ? 2 : 1;
    attention_.emplace(scope.child("image_pooling_2d"),
                       VisionAttentionShape{.in = width,
                                            .num_heads = config.vision.num_heads,
                                            .head_dim = factor * config.vision.head_dim,
                                            .out = factor * config.vision.width});
  }
  if (connector.pooling == Pooling::None && connector.pooling_window != std::array<int64_t, 2>{1, 1}) {
    fail(ErrorCategory::InvalidArgument,
         "connector.pooling_window is [{}, {}], expected [1, 1] where connector.pooling is none",
         connector.pooling_window[0], connector.pooling_window[1]);
  }
  const int64_t in = pooled_width(config), out = config.decoder.width;
  switch (connector.projector) {
    case Projector::Linear:
      linear_.emplace(scope, "image_projector", out, in);
      break;
    case Projector::Mlp:
      mlps_.emplace_back(scope.child("image_projector"), in, connector.mlp_width, out);
      break;
    case Projector::Mlp2:
      mlps_.emplace_back(scope.child("image_projector.0"), in, connector.mlp_width, out);
      mlps_.emplace_back(scope.child("image_projector.1.submodule"), out, connector.mlp_width, out);
      break;
  }
}

at::Tensor Connector::mark_padding(const at::Tensor& features, const at::Tensor& masks) const {
  const at::Tensor mask = masks.unsqueeze(-1);
  const at::Tensor embed = pad_embed_.defined() ? pad_embed_.to(features.scalar_type()) : pad_embed_;
  const auto type = features.scalar_type();
  switch (config_.connector.padding_embed) {
    case PaddingEmbed::None:
      return features;
    case PaddingEmbed::PadEmbed:
      return features + embed * mask.eq(0).to(type);
    case PaddingEmbed::Regress:
      return features + embed * mask.clamp_min(0).to(type);
    case PaddingEmbed::PadAndPartialPad: {
      // Few patches are padding: they get theirs by row.
      const at::Tensor rows = masks.lt(1).flatten().nonzero().squeeze(1);
      const at::Tensor kind = masks.ne(0).flatten().index_select(0, rows).to(at::kLong);
      const at::Tensor flat = features.reshape({-1, features.size(-1)});
      return flat.index_add(0, rows, embed.index_select(0, kind)).view(features.sizes());
    }
  }
  fail(ErrorCategory::Internal, "internal error: padding embedding of the connector");
}

at::Tensor Connector::windows(const at::Tensor& features) const {
  const auto [rows, columns] = config_.vision.patch_grid();
  const auto [window_rows, window_columns] = config_.connector.pooling_window;
  const auto [token_rows, token_columns] = config_.token_grid();
  const int64_t num_crops = features.size(0) * features.size(1), width = features.size(3);
  at::Tensor grid = features.reshape({num_crops, rows, columns, width});
  const int64_t missing_rows = token_rows * window_rows - rows,
                missing_columns = token_columns * window_columns - columns;
  if (missing_rows > 0 || missing_columns > 0)
    grid = at::constant_pad_nd(grid, {0, 0, 0, missing_columns, 0, missing_rows});
  return grid.view({num_crops, token_rows, window_rows, token_columns, window_columns, width})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({num_crops * token_rows * token_columns, window_rows * window_columns, width});
}

at::Tensor Connector::pool(const at::Tensor& windows) const {
  if (!attention_) return windows.flatten(1);
  const bool has_mean_query = config_.connector.pooling == Pooling::AttentionMeanQuery;
  const at::Tensor query = has_mean_query ? windows.mean(1, /*keepdim=*/true) : windows.narrow(1, 0, 1);
  return attention_->forward(query, windows).squeeze(1);
}

at::Tensor Connector::project(const at::Tensor& pooled) const {
  if (linear_) return linear_->forward(pooled);
  at::Tensor x = mlps_[0].forward(pooled);
  if (mlps_.size() > 1) x = x + mlps_[1].forward(x);
  return x;
}

at::Tensor Connector::forward(const at::Tensor& features, const at::Tensor& masks) const {
  const at::Tensor marked = mark_padding(features, masks);
  return project(pool(windows(marked)))
      .view({features.size(0), features.size(1), config_.tokens_per_crop(), config_.decoder.width});
}

}  // namespace molmo::model
