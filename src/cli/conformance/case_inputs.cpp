#include "cli/conformance/case_inputs.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "preprocess/build_input.h"

namespace molmo::conformance {
namespace {

constexpr std::string_view kPlaceholder = "<|image|>";

// What cases ask when their expected.json does not say.
struct DefaultPrompt {
  std::string_view which, text;
};
constexpr DefaultPrompt kDefaultPrompts[] = {{"text_prompt", " User: How many birds are there? Assistant:"},
                                             {"img_prompt", " User: Describe this image. Assistant:"},
                                             {"two_prompt", " User: compare <|image|> with <|image|> now Assistant:"}};

const Json& forward_settings(const ModelCase& model_case) {
  const Json& settings = model_case.settings();
  if (!settings.contains("forward") || !settings["forward"].is_object()) {
    fail(ErrorCategory::BadData, "{}: expected.json has no settings under 'forward'", model_case.folder().string());
  }
  return settings["forward"];
}

}  // namespace

std::string CaseInputs::prompt(std::string_view which) const {
  const Json settings = case_.settings().value("forward", Json::object());
  const auto found = settings.find(std::string(which));
  if (found != settings.end() && found->is_string()) return found->get<std::string>();
  for (const auto& prompt : kDefaultPrompts) {
    if (prompt.which == which) return std::string(prompt.text);
  }
  fail(ErrorCategory::BadData, "{}: expected.json has no prompt '{}'", case_.folder().string(), which);
}

std::string CaseInputs::picture() const {
  return forward_settings(case_).at("fwd_image").get<std::string>();
}

int64_t CaseInputs::seed(std::string_view part) const {
  return forward_settings(case_).at("formula_seed").at(std::string(part)).get<int64_t>();
}

int64_t CaseInputs::hidden_0_stride() const {
  return forward_settings(case_).value("hidden_0_stride", int64_t{1});
}

preprocess::ModelInput CaseInputs::text() const {
  return preprocess::build_input(case_.config(), case_.tokenizer(), {}, prompt("text_prompt"));
}

preprocess::ModelInput CaseInputs::image() const {
  const std::vector<image::Image> images = {case_.image(picture())};
  return preprocess::build_input(case_.config(), case_.tokenizer(), images, prompt("img_prompt"));
}

preprocess::ModelInput CaseInputs::two_images() const {
  const std::string text = prompt("two_prompt");
  size_t num_places = 0;
  for (size_t at = text.find(kPlaceholder); at != std::string::npos; at = text.find(kPlaceholder, at + 1)) ++num_places;
  const std::vector<image::Image> images(num_places, case_.image(picture()));
  return preprocess::build_input(case_.config(), case_.tokenizer(), images, text);
}

preprocess::ModelInput CaseInputs::with_formula_crops(preprocess::ModelInput input, int64_t seed) const {
  const auto& vision = case_.config().vision;
  input.images = formula_crops(input.images.size(0), vision.num_patches(), vision.patch_dim(), seed);
  return input;
}

at::Tensor embed(const model::Molmo& molmo, const preprocess::ModelInput& input, const at::Tensor& image_features) {
  const at::Tensor index = image_features.defined() ? input.image_input_idx.unsqueeze(0) : at::Tensor();
  return molmo.embed(input.input_ids.unsqueeze(0), image_features, index);
}

at::Tensor encode_images(const model::Molmo& molmo, const preprocess::ModelInput& input) {
  if (!input.images.defined()) return {};
  return molmo.encode_images(input.images.unsqueeze(0), input.image_masks.unsqueeze(0));
}

}  // namespace molmo::conformance
