// The pictures of one example, cut into crops and laid out in tokens, on the way into a ModelInput.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "config/model.h"
#include "config/quirks.h"
#include "image/crops.h"
#include "image/image.h"
#include "preprocess/image_tokens.h"
#include "preprocess/model_input.h"

namespace molmo::preprocess {

struct InputOptions {
  std::optional<int64_t> max_crops{};  // instead of the configuration's
  config::Quirks quirks = config::Quirks::Reference;
};

struct Pictures {
  std::vector<ImageTokens> tokens;  // one per picture
  at::Tensor patches;               // [C, P, patch_dim] of all pictures; undefined without pictures
  at::Tensor masks;                 // [C, P]
  std::vector<ImageSize> sizes;
};

// Throws InvalidArgument for pictures so thin that they cannot be resized, and for a bad `max_crops`.
Pictures prepare_pictures(std::span<const image::Image> images, const config::ModelConfig& config,
                          const InputOptions& options = {});

}  // namespace molmo::preprocess
