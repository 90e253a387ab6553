// forward.safetensors and forward_bf16weights.safetensors: intermediate tensors of a text, a picture, a padded batch,
// hand-made masks, and two pictures in one prompt. Pixels are those of the picture, or of a formula where the name says
// so.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>

#include <nlohmann/json.hpp>

#include "cli/conformance/case_inputs.h"
#include "cli/conformance/kind.h"
#include "cli/conformance/model_case.h"
#include "cli/conformance/tensor_fixture.h"

namespace molmo::conformance {
namespace {

using preprocess::ModelInput;

// Fixtures keep the last logits, and every n-th row of long tensors.
constexpr int64_t kLastLogits = 8;
constexpr int64_t kHiddenStride = 7, kVisionStride = 9, kPooledStride = 3, kRouterStride = 5;

at::Tensor every(const at::Tensor& rows, int64_t stride, int64_t dim = 0) {
  return rows.slice(dim, 0, {}, stride);
}

// What one sequence gives. Letters as in model/molmo.h, without batch axis.
struct Trace {
  std::vector<at::Tensor> hidden;  // embeddings, then after each block but the last, then after the last norm: [T, D]
  std::vector<at::Tensor> router_logits;  // per layer, [T, E]
  at::Tensor logits;                      // [T, V]
};

Trace trace(const model::Molmo& molmo, const ModelInput& input, const at::Tensor& image_features) {
  Trace trace;
  const at::Tensor x = embed(molmo, input, image_features);
  const int64_t num_layers = molmo.config().decoder.num_layers;
  trace.hidden.push_back(x[0]);
  model::DecodeOptions options;
  options.position_ids = input.position_ids.unsqueeze(0);
  options.hooks.after_block = [&](int64_t layer, const at::Tensor& hidden) {
    if (layer + 1 < num_layers) trace.hidden.push_back(hidden[0]);
  };
  options.hooks.after_router = [&](int64_t, const at::Tensor& logits) { trace.router_logits.push_back(logits[0]); };
  trace.hidden.push_back(molmo.decode(x, options)[0]);
  trace.logits = molmo.logits(trace.hidden.back());
  return trace;
}

// [T, V]
at::Tensor last_logits(const at::Tensor& logits) {
  return logits.slice(0, -kLastLogits);
}

class ForwardAnswers {
 public:
  ForwardAnswers(ModelCase& model_case, TensorFixture& tensors)
      : case_(model_case), tensors_(tensors), inputs_(model_case) {}

  // `name`: of the fixture.
  void answer_all(Report& report, const std::string& name) {
    report.attempt(name + ":text", [&] { answer_text(); });
    report.attempt(name + ":image", [&] { answer_image(); });
    report.attempt(name + ":image/vit", [&] { answer_vision(); });
    report.attempt(name + ":masks", [&] { answer_masks(); });
    report.attempt(name + ":batch", [&] { answer_batch(); });
    report.attempt(name + ":two_images", [&] { answer_two_images(); });
  }

 private:
  Tolerance within(std::string_view what, double fallback) const {
    return {.absolute = case_.tolerance(what, fallback)};
  }
  Tolerance hidden_tolerance() const { return within("hidden_states", 1e-4); }
  Tolerance logits_tolerance() const { return within("logits", 2e-4); }
  Tolerance router_tolerance() const { return within("router_logits", 1e-4); }

  void answer_text() {
    const ModelInput input = inputs_.text();
    const Trace text = trace(case_.molmo(), input, {});
    tensors_.answer("text/input_ids", input.input_ids);
    for (size_t k = 0; k < text.hidden.size(); ++k)
      tensors_.answer("text/hidden_" + std::to_string(k), text.hidden[k], hidden_tolerance());
    tensors_.answer("text/logits", text.logits, logits_tolerance());
    if (!text.router_logits.empty())
      tensors_.answer("text/router_logits", at::stack(text.router_logits), router_tolerance());
  }

  void answer_image() {
    const ModelInput pixels = inputs_.image();
    const ModelInput formula = inputs_.with_formula_crops(pixels, inputs_.seed("image"));
    tensors_.answer("image/input_ids", pixels.input_ids);
    tensors_.answer("image/position_ids", pixels.position_ids);
    tensors_.answer("image/image_input_idx", pixels.image_input_idx);
    tensors_.answer("image/image_masks", pixels.image_masks, within("image_masks", 1e-6));

    const Trace real = trace(case_.molmo(), pixels, encode_images(case_.molmo(), pixels));
    tensors_.answer("image/e2e_logits_last8", last_logits(real.logits), within("e2e_logits_from_image_file", 2e-3));
    const Trace image = trace(case_.molmo(), formula, encode_images(case_.molmo(), formula));
    tensors_.answer("image/formula_hidden_0", every(image.hidden.front(), inputs_.hidden_0_stride()),
                    within("connector", 3e-4));
    tensors_.answer("image/formula_hidden_last", every(image.hidden.back(), kHiddenStride), hidden_tolerance());
    tensors_.answer("image/formula_logits_last8", last_logits(image.logits), logits_tolerance());
    if (!image.router_logits.empty()) {
      tensors_.answer("image/router_logits_stride5", every(at::stack(image.router_logits), kRouterStride, 1),
                      router_tolerance());
    }
  }

  void answer_vision() {
    const ModelInput input = inputs_.with_formula_crops(inputs_.image(), inputs_.seed("image"));
    const auto& molmo = case_.molmo();
    const at::Tensor images = input.images.unsqueeze(0);
    const Tolerance tolerance = within("vit_features", 1e-4);
    const auto& layers = case_.config().connector.feature_layers;
    tensors_.answer("image/vit_layer0_crop0", every(molmo.vision_block_outputs(images, {0})[0][0][0], kVisionStride),
                    tolerance);
    const at::Tensor features = molmo.vision_features(images);
    tensors_.answer("image/vit_features_crop0", features[0][0], tolerance);
    if (features.size(1) > 1)
      tensors_.answer("image/vit_features_crop1_stride9", every(features[0][1], kVisionStride), tolerance);
    if (case_.config().vision.has_class_token) {
      std::vector<at::Tensor> class_tokens;
      for (const auto& output : molmo.vision_block_outputs(images, layers))
        class_tokens.push_back(output[0].select(1, 0));
      tensors_.answer("image/vit_cls_selected", at::cat(class_tokens, -1), tolerance);
    }
    tensors_.answer("image/connector", molmo.connect(features, input.image_masks.unsqueeze(0))[0],
                    within("connector", 3e-4));
  }

  // The masks are an input that exercises every branch; the last crop is padding.
  void answer_masks() {
    if (!tensors_.contains("masks/image_masks")) return;
    tensors_.keep("masks/image_masks");
    const at::Tensor masks = tensors_.input("masks/image_masks");  // [1, 2, P]
    const auto& vision = case_.config().vision;
    const at::Tensor images =
        formula_crops(masks.size(1), vision.num_patches(), vision.patch_dim(), inputs_.seed("masks"));
    images.slice(0, 1).fill_(-1);
    const at::Tensor connected = case_.molmo().encode_images(images.unsqueeze(0), masks);
    tensors_.answer("masks/connector_stride3", every(connected[0], kPooledStride, 1), within("connector", 3e-4));
  }

  // Rows of different length, padded on the right: the picture, and the text alone.
  void answer_batch() {
    const std::vector<ModelInput> rows = {inputs_.with_formula_crops(inputs_.image(), inputs_.seed("batch")),
                                          inputs_.text()};
    const ModelInput batch = preprocess::collate(rows);
    tensors_.answer("batch/input_ids", batch.input_ids);
    tensors_.answer("batch/image_input_idx", batch.image_input_idx);
    tensors_.answer("batch/image_masks", batch.image_masks, within("image_masks", 1e-6));
    const auto& molmo = case_.molmo();
    const at::Tensor features = molmo.encode_images(batch.images, batch.image_masks);
    const at::Tensor x = molmo.embed(batch.input_ids, features, batch.image_input_idx);
    const at::Tensor logits =
        molmo.logits(molmo.decode(x, {.position_ids = batch.position_ids, .attention_bias = {}, .hooks = {}}));
    const int64_t length_A = rows[0].input_ids.size(0), length_B = rows[1].input_ids.size(0);
    tensors_.answer("batch/logits_A_last8", last_logits(logits[0].slice(0, 0, length_A)), logits_tolerance());
    tensors_.answer("batch/logits_B_valid", logits[1].slice(0, 0, length_B), logits_tolerance());
  }

  void answer_two_images() {
    tensors_.keep("two_images/reference_raw_image_input_idx");
    const ModelInput input = inputs_.with_formula_crops(inputs_.two_images(), inputs_.seed("two_images"));
    tensors_.answer("two_images/input_ids", input.input_ids);
    tensors_.answer("two_images/position_ids", input.position_ids);
    tensors_.answer("two_images/image_input_idx", input.image_input_idx);
    tensors_.answer("two_images/image_masks", input.image_masks, within("image_masks", 1e-6));
    const Trace both = trace(case_.molmo(), input, encode_images(case_.molmo(), input));
    tensors_.answer("two_images/formula_logits_last8", last_logits(both.logits), logits_tolerance());
  }

  ModelCase& case_;
  TensorFixture& tensors_;
  CaseInputs inputs_;
};

// The same inputs, weights rounded to bfloat16, arithmetic in float32.
void answer_bf16(ModelCase& model_case, TensorFixture& tensors) {
  const Tolerance tolerance = {.absolute = model_case.tolerance("bf16_weights_logits", 2e-4)};
  const auto& molmo = model_case.bf16_molmo();
  const CaseInputs inputs(model_case);
  tensors.answer("text/logits", trace(molmo, inputs.text(), {}).logits, tolerance);
  const ModelInput image = inputs.with_formula_crops(inputs.image(), inputs.seed("image"));
  tensors.answer("image/formula_logits_last8", last_logits(trace(molmo, image, encode_images(molmo, image)).logits),
                 tolerance);
}

}  // namespace

void answer_forward(Run& run, const std::filesystem::path& file) {
  const at::NoGradGuard no_grad;
  ModelCase& model_case = run.model_case(file);
  if (std::filesystem::exists(file)) {
    TensorFixture tensors(run.report(), run.name(file), file);
    ForwardAnswers(model_case, tensors).answer_all(run.report(), run.name(file));
    tensors.finish(run.output(file));
  }
  const std::filesystem::path rounded = file.parent_path() / "forward_bf16weights.safetensors";
  if (std::filesystem::exists(rounded)) {
    TensorFixture tensors(run.report(), run.name(rounded), rounded);
    run.report().attempt(run.name(rounded), [&] { answer_bf16(model_case, tensors); });
    tensors.finish(run.output(rounded));
  }
}

}  // namespace molmo::conformance
