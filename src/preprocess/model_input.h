// What the model reads: one example, and examples collated into a batch.
// Letters: B examples, T tokens, C crops, P patches of a crop, Q image tokens of a crop.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "base/geometry.h"

namespace molmo::preprocess {

// One example without batch axis, or a batch with the axis B in front.
// The image tensors are undefined where there is no picture.
struct ModelInput {
  at::Tensor input_ids{};        // [T] int64; -1 is padding
  at::Tensor position_ids{};     // [T] int64
  at::Tensor images{};           // [C, P, patch_dim] float32; crops that pad a batch are all -1
  at::Tensor image_masks{};      // [C, P] float32; -1 pads
  at::Tensor image_input_idx{};  // [C, Q] int64, token position of each image feature, negative where it is dropped
  std::vector<ImageSize> image_sizes{};  // upright pictures of the example, in order

  int64_t num_image_tokens = 0;  // all tokens that the pictures cost, separators included
};

// Smallest size of a batch: training pads every batch to the same shape.
struct PaddedSize {
  int64_t num_tokens = 0;
  int64_t num_crops = 0;
};

// Pads on the right to the longest example and the most crops. Every tensor is padded with -1.
ModelInput collate(std::span<const ModelInput> examples, const PaddedSize& at_least = {});

}  // namespace molmo::preprocess
