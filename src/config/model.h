// The whole model: everything that a checkpoint must say about itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/connector.h"
#include "config/decoder.h"
#include "config/image_input.h"
#include "config/prompt.h"
#include "config/vision.h"

namespace molmo::config {

struct ModelConfig {
  VisionConfig vision;
  ConnectorConfig connector;
  DecoderConfig decoder;
  ImageInputConfig image_input;
  PromptConfig prompt;

  // Image tokens of one crop after pooling: rows, columns. Odd patch grids are padded to whole windows.
  std::array<int64_t, 2> token_grid() const;
  int64_t tokens_per_crop() const { return token_grid()[0] * token_grid()[1]; }

  // Ids of the image tokens, in the reference's order behind the tokenizer's own ids.
  int64_t image_start_id() const { return decoder.vocab_size; }
  int64_t image_end_id() const { return decoder.vocab_size + 1; }
  int64_t image_patch_id() const { return decoder.vocab_size + 2; }
  int64_t image_column_id() const { return decoder.vocab_size + 3; }
  int64_t image_placeholder_id() const { return decoder.vocab_size + 4; }

  // Throws InvalidArgument naming the field, its value and the allowed range. Call before any heavy work.
  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("vision", vision, "vision tower");
    visit("connector", connector, "connector");
    visit("decoder", decoder, "decoder");
    visit("image_input", image_input, "crops and patches");
    visit("prompt", prompt, "prompt format");
  }
};

// Image token texts in id order: "<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<|image|>".
std::array<std::string_view, 5> image_token_texts();

// Presets: "molmoe-1b", "molmo-7b-o", "molmo-7b-d", "molmo-72b", "nano". Throws NotFound naming the nearest.
std::vector<std::string> preset_names();
bool is_preset(std::string_view name);
ModelConfig preset(std::string_view name);

}  // namespace molmo::config
