#include "generate/trace.h"

#include <ATen/core/grad_mode.h>
#include <fmt/core.h>

namespace molmo::generate {

std::map<std::string, at::Tensor> record_trace(const model::Molmo& molmo, const preprocess::ModelInput& input) {
  const at::NoGradGuard no_gradients;
  std::map<std::string, at::Tensor> trace;
  // Copies, because later layers may work in place.
  const auto record = [&](const std::string& name, const at::Tensor& batch) {
    trace[name] =
        batch.squeeze(0).to(at::TensorOptions(at::kCPU).dtype(at::kFloat), /*non_blocking=*/false, /*copy=*/true);
  };
  const auto with_batch_axis = [&](const at::Tensor& tensor) { return tensor.unsqueeze(0).to(molmo.device()); };
  trace["input_ids"] = input.input_ids;
  trace["position_ids"] = input.position_ids;

  at::Tensor features;
  if (input.images.defined()) {
    trace["images"] = input.images;
    trace["image_masks"] = input.image_masks;
    trace["image_input_idx"] = input.image_input_idx;
    const at::Tensor patch_features = molmo.vision_features(with_batch_axis(input.images));
    record("vit.features", patch_features);
    features = molmo.connect(patch_features, with_batch_axis(input.image_masks));
    record("connector.output", features);
  }
  const at::Tensor index = features.defined() ? with_batch_axis(input.image_input_idx) : at::Tensor();
  const at::Tensor embeddings = molmo.embed(with_batch_axis(input.input_ids), features, index);
  record("embeddings", embeddings);

  model::DecodeOptions options{.position_ids = with_batch_axis(input.position_ids)};
  options.hooks.after_block = [&](int64_t layer, const at::Tensor& hidden) {
    record(fmt::format("hidden.{}", layer), hidden);
  };
  options.hooks.after_router = [&](int64_t layer, const at::Tensor& router_logits) {
    record(fmt::format("router_logits.{}", layer), router_logits);
  };
  const at::Tensor hidden = molmo.decode(embeddings, options);
  record("hidden.final", hidden);
  record("logits", molmo.logits(hidden));
  return trace;
}

}  // namespace molmo::generate
