// Where training begins: the weights of a Molmo checkpoint, of a preset drawn at random, or of a text model and a
// vision tower that were trained apart and are joined by a new connector (reference: reset_with_pretrained_weights in
// olmo/model.py).
//   InitialModel initial = open_initial_model(config.init);
//   at::Tensor weight = initial.load("transformer.ln_f.weight");
//   initial.write_tokenizer("run/tokenizer");
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "config/model.h"
#include "config/training.h"

namespace molmo::checkpoint {

struct InitialModel {
  config::ModelConfig config;
  std::filesystem::path tokenizer;  // folder; empty: bytes as tokens
  // One parameter by its native name: a read-only view of a checkpoint's file in the type that it has there, or a new
  // tensor of float32, as packed ones become.
  std::function<at::Tensor(const std::string& native)> load;

  std::map<std::string, at::Tensor> load_all() const;
  // With image tokens where the tokenizer of a text model has none.
  void write_tokenizer(const std::filesystem::path& folder) const;
};

// Reads headers only. A text model's config.json replaces the decoder of `init.model`. Throws NotFound, BadData,
// Unsupported or InvalidArgument, naming the file and the setting.
InitialModel open_initial_model(const config::InitialWeights& init);

}  // namespace molmo::checkpoint
