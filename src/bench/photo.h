// A picture of the size and the bytes of a camera's, drawn: to measure with where no file is at hand.
#pragma once

#include <cstdint>

#include "config/model.h"
#include "image/image.h"

namespace molmo::bench {

// Waves and grain. Another number gives another picture.
image::Image draw_photo(ImageSize size, uint64_t number);

// About three megapixels, cut into exactly `num_crops` high-resolution crops where the configuration cuts pictures at
// all.
ImageSize photo_size(const config::ModelConfig& config, int64_t num_crops);

}  // namespace molmo::bench
