#include "train/activations.h"

#include <algorithm>

namespace molmo::train {
namespace {

using config::ModelConfig;
using config::StageConfig;
using config::TrainingConfig;

// Values that a block of the decoder keeps for each token: the residual stream before both sublayers, what each norm
// makes of it (normalised, and scaled), q, k and v before and after rotation, the attention's result and its copy for
// the product behind it, gate and up, and the two factors and the result of their product.
int64_t decoder_block(const ModelConfig& model) {
  const auto& decoder = model.decoder;
  const int64_t heads = decoder.num_heads * decoder.head_dim, kv = decoder.kv_width();
  int64_t values = 6 * decoder.width + 4 * heads + 4 * kv;
  if (decoder.has_qk_norm) values += 2 * (heads + kv);
  const int64_t hidden = decoder.has_experts() ? decoder.mlp_width * decoder.num_active_experts : decoder.mlp_width;
  values += 5 * hidden;
  // Tokens are gathered for each expert and their results scattered back.
  if (decoder.has_experts()) values += 2 * decoder.width * decoder.num_active_experts;
  return values;
}

// The same for a patch: residual stream and norms, q, k, v, result and its copy, and the hidden layer before, in and
// behind its activation.
int64_t tower_block(const ModelConfig& model) {
  const auto& vision = model.vision;
  return 4 * vision.width + 5 * vision.num_heads * vision.head_dim + 4 * vision.mlp_width;
}

// For a patch: the features, their padding embedding, keys and values; and the gated MLP of each pooled patch.
int64_t connector(const ModelConfig& model) {
  const auto& window = model.connector.pooling_window;
  const int64_t features = static_cast<int64_t>(model.connector.feature_layers.size()) * model.vision.width;
  const int64_t pooled = 6 * features + 5 * model.connector.mlp_width + 2 * model.decoder.width;
  return 3 * features + 4 * model.vision.width + pooled / (window[0] * window[1]);
}

}  // namespace

uint64_t activation_bytes(const TrainingConfig& config, const StageConfig& stage, const ModelConfig& model,
                          const ActivationShape& shape) {
  const bool recomputes = config.recompute == config::Recompute::Blocks;
  const int64_t tokens = shape.num_examples * stage.sequence_length;
  const int64_t patches = shape.num_examples * shape.num_crops * model.vision.num_patches();
  // One of the blocks is computed in full at any time; the others leave their input.
  const auto blocks = [&](int64_t num_blocks, int64_t values, int64_t width, int64_t rows) {
    return recomputes ? rows * (num_blocks * width + values) : rows * num_blocks * values;
  };
  int64_t values = 0;
  if (stage.objective != config::Objective::Text) {
    const bool is_trained = !stage.vision.frozen && stage.lora.rank == 0;
    // Without gradients, a crop at a time passes through the tower.
    values += is_trained ? blocks(model.vision.num_layers, tower_block(model), model.vision.width, patches)
                         : model.vision.num_patches() * tower_block(model);
    values += 2 * patches * model.vision.patch_dim();
    values += patches * connector(model);
  }
  if (stage.objective != config::Objective::PatchLabels) {
    values += blocks(model.decoder.num_layers, decoder_block(model), model.decoder.width, tokens);
    values += 4 * tokens * model.decoder.width;
    // Logits of a part of the tokens, and the mask of packed conversations.
    values += std::max<int64_t>(int64_t{1} << 24, 512 * model.decoder.embedding_size);
    values += shape.num_examples * stage.sequence_length * stage.sequence_length;
  }
  return static_cast<uint64_t>(values) * 4;
}

}  // namespace molmo::train
