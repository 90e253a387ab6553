#include "config/model.h"

#include "base/error.h"

namespace molmo::config {
namespace {

void check_range(std::string_view name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    fail(ErrorCategory::InvalidArgument, "{} is {}, allowed are {} to {}", name, value, least, most);
  }
}

constexpr int64_t kMaxWidth = 1 << 18;
constexpr int64_t kMaxLayers = 1 << 12;

}  // namespace

void VisionConfig::validate() const {
  check_range("vision.patch_size", patch_size, 1, 256);
  for (int64_t side : input_size) {
    check_range("vision.input_size", side, patch_size, 8192);
    if (side % patch_size != 0) {
      fail(ErrorCategory::InvalidArgument, "vision.input_size is {}, expected a multiple of patch_size {}", side,
           patch_size);
    }
  }
  check_range("vision.width", width, 1, kMaxWidth);
  check_range("vision.num_layers", num_layers, 1, kMaxLayers);
  check_range("vision.num_heads", num_heads, 1, kMaxWidth);
  check_range("vision.head_dim", head_dim, 1, kMaxWidth);
  check_range("vision.mlp_width", mlp_width, 1, kMaxWidth);
  check_range("vision.num_positions", num_positions, 1 + has_class_token, kMaxWidth);
  if (!(norm_eps > 0)) fail(ErrorCategory::InvalidArgument, "vision.norm_eps is {}, expected more than 0", norm_eps);
}

void ConnectorConfig::validate() const {
  if (feature_layers.empty())
    fail(ErrorCategory::InvalidArgument, "connector.feature_layers is empty, expected at least one block");
  for (int64_t side : pooling_window) check_range("connector.pooling_window", side, 1, 16);
  check_range("connector.mlp_width", mlp_width, 1, kMaxWidth);
}

void DecoderConfig::validate() const {
  check_range("decoder.width", width, 1, kMaxWidth);
  check_range("decoder.num_layers", num_layers, 1, kMaxLayers);
  check_range("decoder.num_heads", num_heads, 1, kMaxWidth);
  check_range("decoder.num_kv_heads", num_kv_heads, 1, num_heads);
  if (num_heads % num_kv_heads != 0) {
    fail(ErrorCategory::InvalidArgument, "decoder.num_kv_heads is {}, expected a divisor of num_heads {}", num_kv_heads,
         num_heads);
  }
  check_range("decoder.head_dim", head_dim, 2, kMaxWidth);
  if (head_dim % 2 != 0)
    fail(ErrorCategory::InvalidArgument, "decoder.head_dim is {}, expected an even number", head_dim);
  check_range("decoder.mlp_width", mlp_width, 1, kMaxWidth);
  check_range("decoder.vocab_size", vocab_size, 1, 1 << 24);
  check_range("decoder.embedding_size", embedding_size, vocab_size, 1 << 24);
  check_range("decoder.additional_vocab_size", additional_vocab_size, 0, 1 << 20);
  if (embedding_size + additional_vocab_size < vocab_size + 5) {
    fail(ErrorCategory::InvalidArgument,
         "decoder.additional_vocab_size is {}, the 5 image tokens behind id {} need embedding rows",
         additional_vocab_size, vocab_size);
  }
  check_range("decoder.max_sequence_length", max_sequence_length, 1, 1 << 24);
  check_range("decoder.num_experts", num_experts, 0, 1 << 16);
  if (has_experts()) check_range("decoder.num_active_experts", num_active_experts, 1, num_experts);
  if (!(norm_eps > 0)) fail(ErrorCategory::InvalidArgument, "decoder.norm_eps is {}, expected more than 0", norm_eps);
  if (!(rope_theta > 0))
    fail(ErrorCategory::InvalidArgument, "decoder.rope_theta is {}, expected more than 0", rope_theta);
}

void ImageInputConfig::validate() const {
  check_range("image_input.max_crops", max_crops, 1, 1024);
  for (int64_t margin : overlap_margins) check_range("image_input.overlap_margins", margin, 0, 1024);
}

std::array<int64_t, 2> ModelConfig::token_grid() const {
  const auto [rows, columns] = vision.patch_grid();
  const auto [window_rows, window_columns] = connector.pooling_window;
  return {(rows + window_rows - 1) / window_rows, (columns + window_columns - 1) / window_columns};
}

void ModelConfig::validate() const {
  vision.validate();
  connector.validate();
  decoder.validate();
  image_input.validate();
  for (int64_t layer : connector.feature_layers)
    check_range("connector.feature_layers", layer, -vision.num_layers, vision.num_layers - 1);
  if (vision.num_positions < vision.num_patches() + vision.has_class_token &&
      vision.num_positions < 1 + vision.has_class_token) {
    fail(ErrorCategory::InvalidArgument, "vision.num_positions is {}, too few for {} patches", vision.num_positions,
         vision.num_patches());
  }
  if (image_input.crop_mode != CropMode::OverlapAndResize) return;
  const auto [left, right] = image_input.overlap_margins;
  for (int side = 0; side < 2; ++side) {
    const int64_t window = connector.pooling_window[side];
    if (left % window != 0 || right % window != 0) {
      fail(ErrorCategory::InvalidArgument,
           "image_input.overlap_margins are [{}, {}], expected multiples of the pooling window {}", left, right,
           window);
    }
    if (left + right >= vision.patch_grid()[side]) {
      fail(ErrorCategory::InvalidArgument,
           "image_input.overlap_margins are [{}, {}], a crop has only {} patches per side", left, right,
           vision.patch_grid()[side]);
    }
  }
}

std::array<std::string_view, 5> image_token_texts() {
  return {"<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<|image|>"};
}

}  // namespace molmo::config
