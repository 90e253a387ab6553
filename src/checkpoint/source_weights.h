// Weights of a text model or of a vision tower that was trained apart, in its own Hugging Face layout, as parameters of
// ours (reference: scripts/convert_hf_to_molmo.py).
//   SourceWeights text = open_text_model("Qwen2-7B", config.decoder);
//   at::Tensor weight = text.load("transformer.blocks.0.att_proj.weight");    // float32
// Converted on the way: queries, keys and values are joined, as are the halves of the MLP; patch kernels [W, 3, P, P]
// become [W, P * P * 3]; position tables of another grid are interpolated (bicubic). Blocks behind those that the
// configuration has, and heads on top, are left out.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "checkpoint/weight_index.h"
#include "config/model.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {

class SourceWeights {
 public:
  // Whether `native` is one of this source's parameters.
  bool has(const std::string& native) const { return parameters_.contains(native); }
  // A new float32 tensor. Throws BadData for tensors that are missing or have another shape.
  at::Tensor load(const std::string& native) const;

 private:
  friend SourceWeights open_text_model(const std::filesystem::path&, const config::DecoderConfig&);
  friend SourceWeights open_vision_tower(const std::filesystem::path&, const config::VisionConfig&);

  void add_parameters(const config::ModelConfig& config, model::Component component);
  const StoredTensor& find(const std::string& name) const;
  at::Tensor load_stored(const std::string& name) const;
  at::Tensor load_patch_kernel(const std::string& name) const;
  at::Tensor load_positions(const std::string& name) const;

  std::filesystem::path folder_;
  StoredTensors tensors_;  // without the layout's prefix
  config::ModelConfig config_;
  std::map<std::string, model::ParameterSpec> parameters_;
};

// Every tensor is looked for at once. Throws NotFound, BadData or Unsupported as checkpoints do.
SourceWeights open_text_model(const std::filesystem::path& folder, const config::DecoderConfig& decoder);
SourceWeights open_vision_tower(const std::filesystem::path& folder, const config::VisionConfig& vision);

// The decoder that config.json of a text model describes: widths, heads, norms, experts. `like` gives what it does not
// say; the token ids stay those of `like` where both have as many rows. Throws Unsupported for other kinds of model.
config::DecoderConfig read_text_config(const std::filesystem::path& folder, const config::DecoderConfig& like);

}  // namespace molmo::checkpoint
