#include "preprocess/model_input.h"

#include <ATen/ops/full.h>
#include <algorithm>

#include "base/error.h"

namespace molmo::preprocess {
namespace {

// Stacks tensors that differ in their first axis, padded at the end. Undefined ones count as empty.
at::Tensor stack_padded(std::span<const ModelInput> examples, at::Tensor ModelInput::*member, double pad_value,
                        int64_t min_size) {
  at::Tensor prototype;
  int64_t size = min_size;
  for (const auto& example : examples) {
    const at::Tensor& tensor = example.*member;
    if (!tensor.defined()) continue;
    prototype = tensor;
    size = std::max(size, tensor.size(0));
  }
  if (!prototype.defined()) return {};
  std::vector<int64_t> shape = prototype.sizes().vec();
  shape.front() = size;
  shape.insert(shape.begin(), static_cast<int64_t>(examples.size()));
  at::Tensor stacked = at::full(shape, pad_value, prototype.options());
  for (size_t i = 0; i < examples.size(); ++i) {
    const at::Tensor& tensor = examples[i].*member;
    if (tensor.defined()) stacked.select(0, static_cast<int64_t>(i)).narrow(0, 0, tensor.size(0)).copy_(tensor);
  }
  return stacked;
}

}  // namespace

ModelInput collate(std::span<const ModelInput> examples, const PaddedSize& at_least) {
  if (examples.empty()) fail(ErrorCategory::InvalidArgument, "a batch needs at least one example");
  ModelInput batch;
  batch.input_ids = stack_padded(examples, &ModelInput::input_ids, -1, at_least.num_tokens);
  batch.position_ids = stack_padded(examples, &ModelInput::position_ids, -1, at_least.num_tokens);
  batch.images = stack_padded(examples, &ModelInput::images, -1, at_least.num_crops);
  batch.image_masks = stack_padded(examples, &ModelInput::image_masks, -1, at_least.num_crops);
  batch.image_input_idx = stack_padded(examples, &ModelInput::image_input_idx, -1, at_least.num_crops);
  for (const auto& example : examples) {
    batch.image_sizes.insert(batch.image_sizes.end(), example.image_sizes.begin(), example.image_sizes.end());
    batch.num_image_tokens += example.num_image_tokens;
  }
  return batch;
}

}  // namespace molmo::preprocess
