#include "checkpoint/init.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <string_view>

#include "base/atomic_folder.h"
#include "base/progress.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/random_fill.h"
#include "checkpoint/tensor_dtype.h"
#include "checkpoint/tokenizer_files.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {
namespace {

using config::ModelConfig;
using Kind = Distribution::Kind;

constexpr double kStandardDeviation =
    0.02;  // init_std, initializer_range and new_embedding_init_range of the released models

Distribution constant(double value) {
  return {Kind::Constant, value, 0};
}
Distribution normal(double deviation, double cutoff = 0) {
  return {Kind::Normal, deviation, cutoff};
}

Distribution vision_distribution(std::string_view name, const config::VisionConfig& vision) {
  const auto width = static_cast<double>(vision.width);
  if (name.ends_with("class_embedding")) return normal(1 / std::sqrt(width));
  // The reference cuts these off at 2, which is dozens of standard deviations.
  if (name.ends_with("feed_forward.w1.weight")) return normal(1 / std::sqrt(width));
  if (name.ends_with("feed_forward.w2.weight")) return normal(1 / std::sqrt(static_cast<double>(vision.mlp_width)));
  return normal(kStandardDeviation);
}

Distribution decoder_distribution(std::string_view name, const config::DecoderConfig& decoder) {
  // OLMo-1024's own recipe cuts its matrices off; the others' does not.
  const double cutoff = decoder.has_norm_after && !name.starts_with("transformer.wte.") ? 3 : 0;
  const bool is_mlp_output = name.starts_with("transformer.blocks.") && name.ends_with(".ff_out.weight");
  if (is_mlp_output) return normal(kStandardDeviation / std::sqrt(2 * static_cast<double>(decoder.num_layers)), cutoff);
  return normal(kStandardDeviation, cutoff);
}

// The reference's reset_parameters (olmo/model.py, olmo/image_vit.py, olmo/initialization.py), but for positions.
Distribution distribution_of(const model::ParameterSpec& parameter, const ModelConfig& config) {
  const std::string_view name = parameter.name;
  if (name.ends_with(".bias") || name == "vision_backbone.pad_embed") return constant(0);
  const bool is_norm = parameter.shape.size() == 1 && name.ends_with(".weight");
  if (is_norm || name.ends_with(".lambda1") || name.ends_with(".lambda2")) return constant(1);
  if (name == "vision_backbone.image_projector.weight") {  // Xavier
    return {Kind::Uniform, std::sqrt(6.0 / static_cast<double>(parameter.shape[0] + parameter.shape[1])), 0};
  }
  switch (parameter.component) {
    case model::Component::Vision:
      return vision_distribution(name, config.vision);
    case model::Component::Language:
      return decoder_distribution(name, config.decoder);
    case model::Component::Connector:
      break;
  }
  return normal(kStandardDeviation);
}

// Sines and cosines of row and column, a quarter of the width each, as masked autoencoders have them; a class token has
// zeros. The reference draws numbers, for it never trains a tower from nothing: those are a twentieth of what patches
// are, and a tower that learns what is under each patch learns to do without them (docs/nano.md).
at::Tensor sine_positions(const config::VisionConfig& vision, DType dtype) {
  constexpr double kLongest = 100;  // of the wavelengths, relative to the shortest; grids have 12 to 37 patches a side
  const int64_t num_waves = vision.width / 4, first = vision.has_class_token ? 1 : 0;
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(vision.num_positions - first)));
  at::Tensor table = at::zeros({vision.num_positions, vision.width}, at::kFloat);
  auto* values = table.mutable_data_ptr<float>();
  for (int64_t row = 0; row < side; ++row) {
    for (int64_t column = 0; column < side; ++column) {
      float* of_patch = values + (first + row * side + column) * vision.width;
      for (int64_t wave = 0; wave < num_waves; ++wave) {
        const double frequency = std::pow(kLongest, -static_cast<double>(wave) / static_cast<double>(num_waves));
        const double at_row = static_cast<double>(row) * frequency, at_column = static_cast<double>(column) * frequency;
        of_patch[wave] = static_cast<float>(std::sin(at_row));
        of_patch[num_waves + wave] = static_cast<float>(std::cos(at_row));
        of_patch[2 * num_waves + wave] = static_cast<float>(std::sin(at_column));
        of_patch[3 * num_waves + wave] = static_cast<float>(std::cos(at_column));
      }
    }
  }
  return table.to(to_scalar_type(dtype));
}

}  // namespace

at::Tensor initial_weight(const model::ParameterSpec& parameter, const ModelConfig& config, DType dtype,
                          uint64_t seed) {
  if (parameter.name.ends_with("positional_embedding")) return sine_positions(config.vision, dtype);
  return random_tensor(parameter.shape, dtype, distribution_of(parameter, config), seed, "init/" + parameter.name);
}

void init_checkpoint(const ModelConfig& config, const std::filesystem::path& output, const InitOptions& options) {
  std::map<std::string, model::ParameterSpec> parameters;
  StoredTypes types;
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    parameters.emplace(parameter.name, parameter);
    types.emplace(parameter.name, stored_type(options.dtype));
  }
  AtomicFolder folder(output, options.overwrite);
  folder.check_space(weight_bytes(config, types));
  write_hf_documents(folder.path(), config, types, /*has_code=*/false);
  if (options.tokenizer) {
    copy_tokenizer(*options.tokenizer, folder.path());
  } else {
    write_byte_tokenizer(folder.path(), config.decoder.vocab_size);
  }
  check_image_tokens(folder.path(), config);
  write_generation_config(folder.path());
  Progress progress("init", parameters.size(), "tensors");
  write_hf_weights(folder.path(), config, types, options.max_shard_bytes, [&](const std::string& name) {
    progress.advance();
    return initial_weight(parameters.at(name), config, options.dtype, options.seed);
  });
  folder.commit();
}

}  // namespace molmo::checkpoint
