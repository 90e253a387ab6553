#include "model/molmo.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "model/connector.h"
#include "model/decoder.h"
#include "model/embedding.h"
#include "model/vision_tower.h"

namespace molmo::model {
namespace {

constexpr int64_t kAny = -1;

// Checks tensors from outside once, here; modules trust their input. kAny matches every size.
void check_input(std::string_view what, const at::Tensor& tensor, std::vector<int64_t> expected) {
  bool fits = tensor.defined() && tensor.dim() == static_cast<int64_t>(expected.size());
  for (size_t i = 0; fits && i < expected.size(); ++i) fits = expected[i] == kAny || tensor.size(i) == expected[i];
  if (fits) return;
  if (!tensor.defined())
    fail(ErrorCategory::InvalidArgument, "{} is missing, expected [{}]", what, fmt::join(expected, ", "));
  fail(ErrorCategory::InvalidArgument, "{} is [{}], expected [{}] (-1: any size)", what,
       fmt::join(tensor.sizes(), ", "), fmt::join(expected, ", "));
}

Linear make_head(const WeightScope& transformer, const config::DecoderConfig& config, const Embedding& embedding) {
  if (config.has_tied_head) return Linear(embedding.table());
  return Linear(transformer, "ff_out", transformer.group().part_size(config.embedding_size), config.width);
}

}  // namespace

struct Molmo::Impl {
  Impl(const config::ModelConfig& model, const WeightScope& root)
      : config(model),
        group(root.group()),
        vision(root.child("vision_backbone.image_vit"), model.vision, model.connector.feature_layers),
        connector(root.child("vision_backbone"), model),
        embedding(root.child("transformer.wte"), model.decoder),
        decoder(root.child("transformer"), model.decoder, embedding.table().tensor().device()),
        head(make_head(root.child("transformer"), model.decoder, embedding)) {}

  config::ModelConfig config;
  TensorGroup group;
  VisionTower vision;
  Connector connector;
  Embedding embedding;
  Decoder decoder;
  Linear head;
};

Molmo::Molmo(const config::ModelConfig& config, const Weights& weights, const Adapter& adapter,
             const TensorGroup* group) {
  config.validate();
  impl_ = std::make_unique<Impl>(config, WeightScope(weights, adapter, group));
}

Molmo::~Molmo() = default;
Molmo::Molmo(Molmo&&) noexcept = default;
Molmo& Molmo::operator=(Molmo&&) noexcept = default;

const config::ModelConfig& Molmo::config() const {
  return impl_->config;
}

at::Device Molmo::device() const {
  return impl_->embedding.table().tensor().device();
}

at::Tensor Molmo::vision_features(const at::Tensor& images, const RunBlock& run_block) const {
  const auto& vision = impl_->config.vision;
  check_input("images", images, {kAny, kAny, vision.num_patches(), vision.patch_dim()});
  const at::Tensor crops = images.flatten(0, 1).to(impl_->vision.activation_type());
  const at::Tensor features = impl_->vision.features(crops, impl_->config.connector.feature_layers, run_block);
  return features.view({images.size(0), images.size(1), features.size(1), features.size(2)});
}

std::vector<at::Tensor> Molmo::vision_block_outputs(const at::Tensor& images,
                                                    const std::vector<int64_t>& layers) const {
  const auto& vision = impl_->config.vision;
  check_input("images", images, {kAny, kAny, vision.num_patches(), vision.patch_dim()});
  std::vector<at::Tensor> outputs =
      impl_->vision.block_outputs(images.flatten(0, 1).to(impl_->vision.activation_type()), layers);
  for (at::Tensor& output : outputs)
    output = output.view({images.size(0), images.size(1), output.size(1), output.size(2)});
  return outputs;
}

at::Tensor Molmo::connect(const at::Tensor& features, const at::Tensor& masks) const {
  const auto& config = impl_->config;
  const int64_t width = static_cast<int64_t>(config.connector.feature_layers.size()) * config.vision.width;
  check_input("vision features", features, {kAny, kAny, config.vision.num_patches(), width});
  check_input("image_masks", masks, {features.size(0), features.size(1), config.vision.num_patches()});
  return impl_->connector.forward(features, masks);
}

at::Tensor Molmo::encode_images(const at::Tensor& images, const at::Tensor& masks) const {
  return connect(vision_features(images), masks);
}

at::Tensor Molmo::embed(const at::Tensor& input_ids, const at::Tensor& image_features,
                        const at::Tensor& image_input_idx) const {
  check_input("input_ids", input_ids, {kAny, kAny});
  const at::Tensor x = impl_->embedding.forward(input_ids);
  if (!image_features.defined()) return x;
  const int64_t batch = x.size(0), num_tokens = x.size(1), width = x.size(2);
  check_input("image features", image_features, {batch, kAny, impl_->config.tokens_per_crop(), width});
  check_input("image_input_idx", image_input_idx, {batch, image_features.size(1), image_features.size(2)});
  const at::Tensor row_of_example = at::arange(batch, image_input_idx.options()).mul(num_tokens).view({batch, 1, 1});
  const at::Tensor is_used = image_input_idx.ge(0).flatten();
  if (x.is_cpu() && image_input_idx.numel() > 0 && image_input_idx.max().item<int64_t>() >= num_tokens) {
    fail(ErrorCategory::InvalidArgument, "image_input_idx has position {}, the sequence has {} tokens",
         image_input_idx.max().item<int64_t>(), num_tokens);
  }
  const at::Tensor feature_rows = is_used.nonzero().squeeze(1);
  const at::Tensor rows = (image_input_idx + row_of_example).flatten().index_select(0, feature_rows);
  const at::Tensor features = image_features.reshape({-1, width}).index_select(0, feature_rows);
  return x.view({batch * num_tokens, width})
      .index_add(0, rows, features.to(x.scalar_type()))
      .view({batch, num_tokens, width});
}

at::Tensor Molmo::decode(const at::Tensor& x, const DecodeOptions& options, KvCache* cache) const {
  check_input("embeddings", x, {kAny, kAny, impl_->config.decoder.width});
  if (options.position_ids.defined()) check_input("position_ids", options.position_ids, {x.size(0), x.size(1)});
  return impl_->decoder.forward(x, options, cache);
}

at::Tensor Molmo::logits(const at::Tensor& hidden) const {
  const at::Tensor logits = impl_->head.forward(impl_->group.spread(hidden));
  return logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
}

}  // namespace molmo::model
