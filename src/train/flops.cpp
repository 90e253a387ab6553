#include "train/flops.h"

#include "model/parameter_table.h"

namespace molmo::train {
namespace {

// Of all matrices of the decoder for a token, of the tower for a patch, of the connector for a pooled patch.
struct MatrixFlops {
  double decoder = 0, tower = 0, connector = 0;
};

MatrixFlops matrix_flops(const config::ModelConfig& config) {
  const auto& decoder = config.decoder;
  const auto& window = config.connector.pooling_window;
  MatrixFlops flops;
  // A tied head is the embedding once more; tables that are looked up cost nothing.
  if (decoder.has_tied_head) flops.decoder += 2.0 * static_cast<double>(decoder.embedding_size * decoder.width);
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    if (parameter.shape.size() != 2 || !parameter.name.ends_with(".weight")) continue;
    double count = 2.0 * static_cast<double>(parameter.count());
    if (parameter.is_expert)
      count *= static_cast<double>(decoder.num_active_experts) / static_cast<double>(decoder.num_experts);
    switch (parameter.component) {
      case model::Component::Language:
        flops.decoder += count;
        break;
      case model::Component::Vision:
        flops.tower += count;
        break;
      case model::Component::Connector: {
        // Keys and values are of every patch of the window.
        const bool is_of_patch = parameter.name.ends_with(".wk.weight") || parameter.name.ends_with(".wv.weight");
        flops.connector += is_of_patch ? count * static_cast<double>(window[0] * window[1]) : count;
        break;
      }
    }
  }
  return flops;
}

// Scores and weighted sums of one layer, for each token.
double attention_flops(int64_t num_heads, int64_t head_dim, int64_t num_tokens) {
  return 4.0 * static_cast<double>(num_heads * head_dim * num_tokens);
}

}  // namespace

double step_flops(const config::ModelConfig& config, config::Objective objective, const StepWork& work) {
  const MatrixFlops matrices = matrix_flops(config);
  const auto& vision = config.vision;
  const auto& decoder = config.decoder;
  const double patch = matrices.tower + static_cast<double>(vision.num_layers) *
                                            attention_flops(vision.num_heads, vision.head_dim, vision.num_patches());
  const double token =
      matrices.decoder + static_cast<double>(decoder.num_layers) *
                             attention_flops(decoder.num_heads, decoder.head_dim, work.tokens_per_example);
  double forward = 0;
  if (objective != config::Objective::Text)
    forward += static_cast<double>(work.num_crops * vision.num_patches()) * patch;
  if (objective != config::Objective::PatchLabels) {
    forward += static_cast<double>(work.num_tokens) * token;
    forward += static_cast<double>(work.num_crops * config.tokens_per_crop()) * matrices.connector;
  }
  return 3 * forward;
}

}  // namespace molmo::train
