#include "train/examples.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "image/image.h"
#include "image/patch_labels.h"
#include "preprocess/build_input.h"
#include "preprocess/packing.h"
#include "preprocess/training_example.h"

namespace molmo::train {
namespace {

using config::Objective;

config::ModelConfig with_max_crops(config::ModelConfig model, const config::StageConfig& stage) {
  if (stage.max_crops) model.image_input.max_crops = *stage.max_crops;
  model.image_input.validate();
  return model;
}

std::vector<image::Image> decode_pictures(const data::Example& example) {
  std::vector<image::Image> images;
  for (const data::Picture& picture : example.pictures) images.push_back(data::decode_picture(picture));
  return images;
}

// As numpy's Fisher-Yates: from the end, each takes a place at or before its own.
template <class T>
void shuffle(std::vector<T>& items, RandomStream& draws) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[draws.below(i)]);
}

void check_classes(const std::vector<int64_t>& labels, int64_t num_classes, const std::string& id) {
  const int64_t largest = *std::max_element(labels.begin(), labels.end());
  if (largest >= num_classes) {
    fail(ErrorCategory::BadData, "{}: the label map has class {}, expected less than patch_classes, {}", id, largest,
         num_classes);
  }
}

// Something within the sequence has to be learnt.
void check_targets(const preprocess::TrainingExample& example, int64_t sequence_length, const std::string& id) {
  const int64_t num_tokens = std::min(example.labels.size(0), sequence_length);
  if (example.loss_weights.narrow(0, 0, num_tokens).gt(0).any().item<bool>()) return;
  fail(ErrorCategory::BadData,
       "{}: no token within sequence_length, {}, is an answer with a weight above 0; the example has {} tokens, {} of "
       "them of pictures",
       id, sequence_length, example.labels.size(0), example.input.num_image_tokens);
}

}  // namespace

ExampleBuilder::ExampleBuilder(const config::StageConfig& stage, const config::ModelConfig& model,
                               std::shared_ptr<const text::Tokenizer> tokenizer)
    : stage_(stage),
      model_(with_max_crops(model, stage)),
      one_crop_(model_),
      tokenizer_(std::move(tokenizer)),
      formatter_(stage.prompt) {
  one_crop_.image_input.crop_mode = config::CropMode::Resize;
  preprocess::check_tokenizer(model_, *tokenizer_);
}

PreparedExample ExampleBuilder::prepare(const data::Example& example, RandomStream& draws) const {
  if (stage_.objective == Objective::PatchLabels) return prepare_patch_labels(example, draws);
  PreparedExample prepared =
      stage_.objective == Objective::Text ? prepare_text(example) : prepare_conversations(example, draws);
  check_targets(prepared.example, stage_.sequence_length, example.id);
  return prepared;
}

const config::ModelConfig& ExampleBuilder::draw_crops(RandomStream& draws) const {
  return stage_.one_crop_share > 0 && draws.uniform() < stage_.one_crop_share ? one_crop_ : model_;
}

PreparedExample ExampleBuilder::prepare_conversations(data::Example example, RandomStream& draws) const {
  if (example.text.annotations.empty())
    fail(ErrorCategory::BadData, "{}: has no conversation, which the objective {} learns from", example.id,
         enum_name(stage_.objective));
  const std::vector<image::Image> images = decode_pictures(example);
  if (!images.empty()) example.text.image_size = images.front().size;
  text::StreamDraws prompt_draws(draws);
  std::vector<text::Conversation> conversations =
      formatter_.format(example.text, text::Purpose::Training, prompt_draws);
  // The order matters where the sequence is cut: no conversation is always the one that is lost.
  shuffle(conversations, draws);
  const config::ModelConfig& model = draw_crops(draws);
  const auto weighting =
      stage_.root_subsegments ? preprocess::LossWeighting::RootSubsegments : preprocess::LossWeighting::None;
  return {.example = preprocess::build_training_example(model, *tokenizer_, images, conversations,
                                                        {.weighting = weighting, .example_weight = example.weight}),
          .patch_labels = {}};
}

PreparedExample ExampleBuilder::prepare_text(const data::Example& example) const {
  if (!example.plain_text)
    fail(ErrorCategory::BadData, "{}: has no plain text, which the objective text learns from", example.id);
  const preprocess::SpecialIds ids{.bos = preprocess::bos_id(*tokenizer_),
                                   .eos = preprocess::eos_id(*tokenizer_),
                                   .image_placeholder = model_.image_placeholder_id()};
  const preprocess::EncodedConversation conversation{
      {.ids = tokenizer_->encode(*example.plain_text), .is_answer = true}};
  return {.example = preprocess::pack_tokens({&conversation, 1}, {}, ids, {.example_weight = example.weight}),
          .patch_labels = {}};
}

PreparedExample ExampleBuilder::prepare_patch_labels(const data::Example& example, RandomStream& draws) const {
  if (!example.label_map || example.pictures.size() != 1) {
    fail(ErrorCategory::BadData,
         "{}: has {} pictures and {} label map, the objective patch_labels learns from one each", example.id,
         example.pictures.size(), example.label_map ? "a" : "no");
  }
  if (example.weight) {
    fail(ErrorCategory::Unsupported, "{}: has a weight, which the objective patch_labels does not know", example.id);
  }
  const std::vector<image::Image> images = decode_pictures(example);
  const config::ModelConfig& model = draw_crops(draws);
  std::vector<at::Tensor> labels;  // [C * P] of each map
  const auto num_maps = static_cast<int64_t>(stage_.patch_classes.size());
  for (const image::LabelMap& map :
       image::to_label_maps(data::decode_picture(*example.label_map), num_maps, example.id + ", label map")) {
    if (map.size != images.front().size) {
      fail(ErrorCategory::BadData, "{}: the label map has {}x{} pixels, the picture {}x{}", example.id, map.size.width,
           map.size.height, images.front().size.width, images.front().size.height);
    }
    const std::vector<int64_t> of_map = image::patch_labels(map, model);
    check_classes(of_map, stage_.patch_classes[labels.size()], example.id);
    labels.push_back(at::tensor(of_map, at::kLong));
  }
  // The tower reads no text: BOS and the picture's tokens are what an example without conversations has.
  return {.example = preprocess::build_training_example(model, *tokenizer_, images, {}),
          .patch_labels = at::stack(labels, -1).view({-1, model.vision.num_patches(), num_maps})};
}

Batch ExampleBuilder::collate(std::span<const PreparedExample> examples) const {
  std::vector<preprocess::TrainingExample> rows;
  for (const PreparedExample& prepared : examples) rows.push_back(prepared.example);
  preprocess::PaddedSize at_least{};
  if (stage_.pad_batches) {
    at_least.num_tokens = stage_.sequence_length;
    at_least.num_crops =
        1 + (model_.image_input.crop_mode == config::CropMode::Resize ? 0 : model_.image_input.max_crops);
  }
  Batch batch{.examples = preprocess::collate(rows, at_least, stage_.sequence_length), .patch_labels = {}};
  if (stage_.objective == Objective::PatchLabels) {
    const at::Tensor& images = batch.examples.input.images;
    const auto num_maps = static_cast<int64_t>(stage_.patch_classes.size());
    batch.patch_labels =
        at::full({images.size(0), images.size(1), images.size(2), num_maps}, image::kNoLabel, at::kLong);
    for (size_t i = 0; i < examples.size(); ++i) {
      const at::Tensor& labels = examples[i].patch_labels;
      batch.patch_labels.select(0, static_cast<int64_t>(i)).narrow(0, 0, labels.size(0)).copy_(labels);
    }
  }
  return batch;
}

Batch ExampleBuilder::collate_joined(std::span<const PreparedExample> examples, bool is_pinned) const {
  if (stage_.pad_batches) return collate(examples);
  std::vector<preprocess::TrainingExample> rows;
  std::vector<at::Tensor> images, masks, labels, index;
  for (const PreparedExample& prepared : examples) {
    preprocess::TrainingExample& row = rows.emplace_back(prepared.example);
    if (!row.input.images.defined()) continue;
    images.push_back(std::exchange(row.input.images, {}));
    masks.push_back(std::exchange(row.input.image_masks, {}));
    if (prepared.patch_labels.defined()) labels.push_back(prepared.patch_labels);
  }
  Batch batch{.examples = preprocess::collate(rows, {}, stage_.sequence_length), .patch_labels = {}};
  if (images.empty()) return batch;
  preprocess::ModelInput& input = batch.examples.input;
  for (size_t i = 0; i < examples.size(); ++i) {
    if (!examples[i].example.input.images.defined()) continue;
    const auto row = static_cast<int64_t>(i);
    const at::Tensor of_row =
        input.image_input_idx.select(0, row).narrow(0, 0, examples[i].example.input.images.size(0));
    index.push_back(at::where(of_row.ge(0), of_row + row * input.input_ids.size(1), of_row));
  }
  input.image_input_idx = at::cat(index).unsqueeze(0);
  input.image_masks = at::cat(masks).unsqueeze(0);
  const int64_t num_crops = input.image_masks.size(1);
  input.images =
      at::empty({num_crops, images[0].size(1), images[0].size(2)}, images[0].options().pinned_memory(is_pinned));
  at::cat_out(input.images, images);
  input.images = input.images.unsqueeze(0);
  if (!labels.empty()) batch.patch_labels = at::cat(labels).unsqueeze(0);
  return batch;
}

}  // namespace molmo::train
