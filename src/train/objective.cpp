#include "train/objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros_like.h>

#include "base/error.h"
#include "model/attention_mask.h"
#include "train/autocast.h"
#include "train/recompute.h"
#include "train/router_loss.h"
#include "train/shards.h"

namespace molmo::train {
namespace {

bool reads_tokens(const config::StageConfig& stage) {
  return stage.objective != config::Objective::PatchLabels;
}

bool sees_pictures(const config::StageConfig& stage) {
  return stage.objective != config::Objective::Text;
}

void check_present(const at::Tensor& tensor, std::string_view what, const config::StageConfig& stage) {
  if (tensor.defined()) return;
  fail(ErrorCategory::InvalidArgument, "the batch has no {}, which the objective {} needs", what,
       enum_name(stage.objective));
}

at::Tensor label_weights(const at::Tensor& labels) {
  return labels.ge(0).to(at::kFloat);
}

}  // namespace

Losses& Losses::operator+=(const Losses& other) {
  sums += other.sums;
  router_balance += other.router_balance;
  router_z += other.router_z;
  return *this;
}

Objective::Objective(const config::TrainingConfig& config, const config::StageConfig& stage, const model::Molmo& molmo,
                     const model::Weights& patch_head, Shards& shards, const ClassParts& vocabulary)
    : stage_(stage),
      molmo_(molmo),
      patch_head_(patch_head),
      shards_(shards),
      vocabulary_(vocabulary),
      recomputes_(config.recompute == config::Recompute::Blocks) {
  if (config.compute_dtype == DType::BF16) compute_type_ = at::kBFloat16;
}

BatchContents Objective::contents(const Batch& batch) const {
  BatchContents contents;
  const auto& examples = batch.examples;
  if (examples.input.input_ids.defined()) contents.num_tokens = examples.input.input_ids.ge(0).sum().item<int64_t>();
  if (examples.input.image_input_idx.defined() && sees_pictures(stage_)) {
    contents.num_crops = examples.input.image_input_idx.ge(0).any(2).sum().item<int64_t>();
  }
  if (reads_tokens(stage_)) {
    check_present(examples.loss_weights, "loss weights", stage_);
    contents.loss_weight = examples.loss_weights.clamp_min(0).sum(at::kDouble).item<double>();
  } else {
    check_present(batch.patch_labels, "patch labels", stage_);
    contents.loss_weight = static_cast<double>(batch.patch_labels.ge(0).sum().item<int64_t>());
  }
  return contents;
}

Losses Objective::run(const Batch& batch, const Pass& pass) const {
  return reads_tokens(stage_) ? run_tokens(batch, pass) : run_patches(batch, pass);
}

Losses Objective::run_tokens(const Batch& batch, const Pass& pass) const {
  const auto& decoder = molmo_.config().decoder;
  RouterLoss router(decoder, stage_.router_balance_loss / pass.num_micro_batches,
                    stage_.router_z_loss / pass.num_micro_batches);
  model::DecodeOptions options = decode_options(batch);
  if (decoder.has_experts()) {
    options.hooks.after_router = [&](int64_t layer, const at::Tensor& logits) { router.add(layer, logits); };
  }
  const at::Tensor loss_weights = on_device(batch.examples.loss_weights);
  if (pass.dropout) {
    const bool is_partial = stage_.residual_dropout_tokens == config::ResidualDropout::ResponseTokens;
    options.hooks.on_residual =
        residual_dropout(stage_.residual_dropout, is_partial ? loss_weights.gt(0) : at::Tensor(), *pass.dropout);
  }
  const Targets targets = find_targets(on_device(batch.examples.labels), loss_weights, decoder.embedding_size);
  at::Tensor rows;
  {
    const Autocast autocast(molmo_.device().type(), compute_type_);
    const at::Tensor x = embed(batch, pass.shuffles_pictures);
    options.hooks.run_block = run_decoder_block(x.requires_grad() || !stage_.language.frozen);
    rows = molmo_.decode(x, options).flatten(0, 1).index_select(0, targets.positions);
  }
  const auto head = [&](const at::Tensor& some_rows) {
    const Autocast autocast(molmo_.device().type(), compute_type_);
    return molmo_.logits(some_rows);
  };
  const HeadLoss loss =
      head_loss(rows, targets, head, {.z_loss = stage_.z_loss, .divisor = pass.loss_weight}, vocabulary_);
  if (loss.gradient.defined()) rows.backward(loss.gradient);
  return {.sums = loss.sums, .router_balance = router.balance(), .router_z = router.z()};
}

Losses Objective::run_patches(const Batch& batch, const Pass& pass) const {
  check_present(batch.examples.input.images, "images", stage_);
  at::Tensor features;  // [B * C * P, width]
  {
    const Autocast autocast(molmo_.device().type(), compute_type_);
    features = vision_features(batch, pass.shuffles_pictures).flatten(0, 2);
  }
  const at::Tensor labels = on_device(batch.patch_labels).flatten(0, 2);  // [B * C * P, K]
  Losses losses;
  at::Tensor gradient;
  int64_t first_class = 0;
  for (size_t map = 0; map < stage_.patch_classes.size(); ++map) {
    const int64_t num_classes = stage_.patch_classes[map];
    const at::Tensor map_labels = labels.select(1, static_cast<int64_t>(map)).contiguous();
    const Targets targets = find_targets(map_labels, label_weights(map_labels), num_classes);
    const auto head = [&](const at::Tensor& some_rows) {
      return at::linear(some_rows.to(at::kFloat),
                        patch_head_.at("patch_head.weight").narrow(0, first_class, num_classes),
                        patch_head_.at("patch_head.bias").narrow(0, first_class, num_classes));
    };
    const at::Tensor rows =
        features.detach().index_select(0, targets.positions).set_requires_grad(features.requires_grad());
    const HeadLoss loss = head_loss(rows, targets, head, {.z_loss = stage_.z_loss, .divisor = pass.loss_weight});
    if (loss.gradient.defined()) {
      if (!gradient.defined()) gradient = at::zeros_like(features);
      gradient.index_add_(0, targets.positions, loss.gradient);
    }
    losses.sums += loss.sums;
    first_class += num_classes;
  }
  if (gradient.defined()) features.backward(gradient);
  return losses;
}

at::Tensor Objective::vision_features(const Batch& batch, bool shuffles_pictures) const {
  const at::Tensor images = on_device(batch.examples.input.images);
  return molmo_.vision_features(shuffles_pictures ? images.roll(1, 0) : images, run_vision_block());
}

at::Tensor Objective::embed(const Batch& batch, bool shuffles_pictures) const {
  const auto& input = batch.examples.input;
  const at::Tensor ids = on_device(input.input_ids);
  if (!input.images.defined() || !sees_pictures(stage_)) return molmo_.embed(ids, {}, {});
  const at::Tensor masks = on_device(input.image_masks);
  const at::Tensor features =
      molmo_.connect(vision_features(batch, shuffles_pictures), shuffles_pictures ? masks.roll(1, 0) : masks);
  const at::Tensor index = on_device(input.image_input_idx);
  if (index.size(0) == ids.size(0)) return molmo_.embed(ids, features, index);
  // Joined crops belong to one long row.
  const at::Tensor x = molmo_.embed(ids.view({1, -1}), features, index);
  return x.view({ids.size(0), ids.size(1), x.size(2)});
}

model::DecodeOptions Objective::decode_options(const Batch& batch) const {
  const at::Tensor valid = on_device(batch.examples.input.input_ids).ge(0);
  model::DecodeOptions options{.position_ids = on_device(batch.examples.input.position_ids)};
  if (batch.examples.subsegment_ids.defined()) {
    options.attention_bias = model::packed_bias(on_device(batch.examples.subsegment_ids), valid);
    // Padding sees itself: a row that sees nothing has no softmax, and its gradient would be undefined.
    options.attention_bias.diagonal(0, 2, 3).zero_();
  }  // else padding stands behind every token and is not seen by any: the causal pattern is enough
  return options;
}

model::RunBlock Objective::run_vision_block() const {
  if (!recomputes_ || stage_.vision.frozen) return {};
  return [autocast = autocast_block()](int64_t, const Block& block, const at::Tensor& x) {
    return recompute_in_backward(autocast(block), x);
  };
}

model::RunBlock Objective::run_decoder_block(bool is_trained) const {
  return [this, is_trained, autocast = autocast_block()](int64_t layer, const Block& block, const at::Tensor& x) {
    return shards_.run_block(layer, autocast(block), x, recomputes_ && is_trained);
  };
}

// A block that runs again in the backward pass does so as in the forward pass.
std::function<Objective::Block(const Objective::Block&)> Objective::autocast_block() const {
  return [device = molmo_.device().type(), type = compute_type_](const Block& block) -> Block {
    return [=](const at::Tensor& input) {
      const Autocast autocast(device, type);
      return block(input);
    };
  };
}

at::Tensor Objective::on_device(const at::Tensor& tensor) const {
  return tensor.defined() ? tensor.to(molmo_.device(), /*non_blocking=*/true) : tensor;
}

}  // namespace molmo::train
