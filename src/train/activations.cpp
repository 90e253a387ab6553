#include "train/activations.h"

#include <algorithm>

namespace molmo::train {
namespace {

using config::ModelConfig;
using config::StageConfig;
using config::TrainingConfig;

// Values of a token or patch: those that stand between two products are of the type that products are computed in, the
// residual stream and what norms read are float32.
struct Kept {
  int64_t products = 0, floats = 0;

  uint64_t bytes(int64_t product_bytes) const { return static_cast<uint64_t>(product_bytes * products + 4 * floats); }
};

// What a block of the decoder keeps for each token: the residual stream before both sublayers and what each norm makes
// of it, q, k and v and the rotated q and k, the attention's result, gate and up, and what they give together.
// Everything else is computed again in registers (kernels/training_passes.h).
Kept decoder_block(const StageConfig& stage, const ModelConfig& model) {
  const auto& decoder = model.decoder;
  const int64_t heads = decoder.num_heads * decoder.head_dim, kv = decoder.kv_width();
  Kept kept{.products = 2 * decoder.width + 3 * heads + 3 * kv, .floats = 2 * decoder.width + decoder.num_heads};
  if (decoder.has_qk_norm) kept.floats += heads + kv;
  if (stage.residual_dropout > 0) kept.products += 2 * decoder.width;
  const int64_t hidden = decoder.has_experts() ? decoder.mlp_width * decoder.num_active_experts : decoder.mlp_width;
  kept.products += 3 * hidden;
  // Tokens are gathered for each expert and their results scattered back.
  if (decoder.has_experts()) kept.products += 2 * decoder.width * decoder.num_active_experts;
  return kept;
}

// The same for a patch: residual stream and norms, q, k, v and result, and the hidden layer before and behind its
// activation.
Kept tower_block(const ModelConfig& model) {
  const auto& vision = model.vision;
  const int64_t scaled = vision.has_layer_scale ? 2 * vision.width : 0;
  return {.products = 2 * vision.width + 4 * vision.num_heads * vision.head_dim + 2 * vision.mlp_width + scaled,
          .floats = 2 * vision.width + vision.num_heads};
}

// For a patch: the features, gathered into windows with their padding embedding, keys and values; and the gated MLP of
// each pooled patch.
Kept connector(const ModelConfig& model) {
  const auto& window = model.connector.pooling_window;
  const int64_t num_pooled = window[0] * window[1];
  const int64_t features = static_cast<int64_t>(model.connector.feature_layers.size()) * model.vision.width;
  return {.products = features + 2 * model.vision.width +
                      (2 * features + 3 * model.connector.mlp_width + model.decoder.width) / num_pooled,
          .floats = 3 * features + (features + 2 * model.decoder.width) / num_pooled};
}

// Gradients while a block's backward pass runs, when everything in front of it is still kept: of the residual stream,
// and of gate, up and what they give.
Kept block_gradients(const ModelConfig& model) {
  return {.products = 3 * model.decoder.mlp_width, .floats = 2 * model.decoder.width};
}

}  // namespace

uint64_t activation_bytes(const TrainingConfig& config, const StageConfig& stage, const ModelConfig& model,
                          const ActivationShape& shape) {
  const bool recomputes = config.recompute == config::Recompute::Blocks;
  const int64_t product_bytes = dtype_bytes(config.compute_dtype);
  const auto tokens = static_cast<uint64_t>(shape.num_examples * stage.sequence_length);
  const auto patches = static_cast<uint64_t>(shape.num_examples * shape.num_crops * model.vision.num_patches());
  // One of the blocks is computed in full at any time; the others leave their input.
  const auto blocks = [&](int64_t num_blocks, const Kept& kept, int64_t width) {
    const uint64_t all = kept.bytes(product_bytes);
    return recomputes ? static_cast<uint64_t>(num_blocks * width) * 4 + all : static_cast<uint64_t>(num_blocks) * all;
  };
  uint64_t bytes = 0;
  if (stage.objective != config::Objective::Text) {
    const bool is_trained = !stage.vision.frozen && stage.lora.rank == 0;
    const Kept block = tower_block(model);
    // Without gradients, a crop at a time passes through the tower.
    bytes += is_trained ? patches * blocks(model.vision.num_layers, block, model.vision.width)
                        : static_cast<uint64_t>(model.vision.num_patches()) * block.bytes(product_bytes);
    const int64_t pixels = model.vision.patch_dim();
    bytes += patches * Kept{.products = pixels, .floats = pixels}.bytes(product_bytes);
    bytes += patches * connector(model).bytes(product_bytes);
  }
  if (stage.objective != config::Objective::PatchLabels) {
    bytes += tokens * blocks(model.decoder.num_layers, decoder_block(stage, model), model.decoder.width);
    bytes += tokens * block_gradients(model).bytes(product_bytes);
    // Embeddings, the last norm's input and output, and the rows that are learnt.
    bytes += tokens * static_cast<uint64_t>(4 * model.decoder.width) * 4;
    // Logits of a part of the tokens.
    bytes += static_cast<uint64_t>(std::max<int64_t>(int64_t{1} << 24, 512 * model.decoder.embedding_size)) * 4;
    // The mask of packed conversations, and the tiles that attention cuts from it.
    bytes += 2 * tokens * static_cast<uint64_t>(stage.sequence_length) * 4;
  }
  return bytes;
}

}  // namespace molmo::train
