#include "preprocess/pictures.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

namespace molmo::preprocess {
namespace {

// A view of the crops' own memory, which lives as long as the tensor.
at::Tensor patches_of(const image::ImageCrops& crops, const config::VisionConfig& vision) {
  return at::from_blob(
      crops.patches.get(), {crops.num_crops, vision.num_patches(), vision.patch_dim()},
      [owner = crops.patches](void*) {}, at::kFloat);
}

at::Tensor concatenate(const std::vector<at::Tensor>& tensors) {
  return tensors.size() == 1 ? tensors.front() : at::cat(tensors);
}

}  // namespace

Pictures prepare_pictures(std::span<const image::Image> images, const config::ModelConfig& config,
                          const InputOptions& options) {
  config::ModelConfig crop_config = config;
  if (options.max_crops) {
    crop_config.image_input.max_crops = *options.max_crops;
    crop_config.image_input.validate();
  }
  Pictures pictures;
  std::vector<at::Tensor> patches, masks;
  for (const auto& image : images) {
    const image::ImageCrops crops = image::make_crops(image, crop_config, options.quirks);
    pictures.tokens.push_back(make_image_tokens(crops, config));
    pictures.sizes.push_back(image.size);
    patches.push_back(patches_of(crops, config.vision));
    masks.push_back(at::tensor(crops.masks, at::kFloat).view({crops.num_crops, config.vision.num_patches()}));
  }
  if (!images.empty()) {
    pictures.patches = concatenate(patches);
    pictures.masks = concatenate(masks);
  }
  return pictures;
}

}  // namespace molmo::preprocess
