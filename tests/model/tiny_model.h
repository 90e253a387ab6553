// A model of a few hundred parameters with random weights, for tests that need any model and no golden numbers.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.h"
#include "model/molmo.h"
#include "model/parameter_table.h"

namespace molmo::test {

inline config::ModelConfig tiny_config() {
  config::ModelConfig config;
  config.vision.input_size = {8, 8};
  config.vision.patch_size = 2;
  config.vision.width = 8;
  config.vision.num_layers = 3;
  config.vision.num_heads = 2;
  config.vision.head_dim = 4;
  config.vision.mlp_width = 12;
  config.vision.num_positions = 17;
  config.connector.feature_layers = {-2, 0};
  config.connector.mlp_width = 10;
  config.decoder.width = 16;
  config.decoder.num_layers = 2;
  config.decoder.num_heads = 4;
  config.decoder.num_kv_heads = 2;
  config.decoder.head_dim = 4;
  config.decoder.mlp_width = 20;
  config.decoder.vocab_size = 30;
  config.decoder.embedding_size = 30;
  config.decoder.additional_vocab_size = 8;
  config.image_input.overlap_margins = {0, 0};
  return config;
}

inline const config::ModelConfig kTinyModel = tiny_config();

inline at::Tensor random_tensor(at::IntArrayRef shape, uint64_t seed, at::ScalarType type = at::kFloat,
                                double scale = 1) {
  uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values.push_back(scale * (static_cast<double>(state >> 11) / static_cast<double>(uint64_t{1} << 52) - 1));
  }
  return at::tensor(values, at::kDouble).to(type).view(shape);
}

// Norm weights lie around 1, everything else around 0.
inline model::Weights random_weights(const config::ModelConfig& config, at::ScalarType type = at::kFloat,
                                     uint64_t seed = 1) {
  model::Weights weights;
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    const at::Tensor values = random_tensor(parameter.shape, ++seed, at::kDouble, 0.5);
    const bool is_norm = parameter.name.ends_with("norm.weight") || parameter.name.ends_with("ln_f.weight") ||
                         parameter.name.ends_with("pre_ln.weight");
    weights[parameter.name] = (is_norm ? values + 1 : values).to(type);
  }
  return weights;
}

inline at::Tensor ids(const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).unsqueeze(0);
}

}  // namespace molmo::test
