#include "cli/conformance/generation_run.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "preprocess/build_input.h"

namespace molmo::conformance {
namespace {

// The number behind `word` in a name, for example 4 behind "beam" in "beam4_steps16".
std::optional<double> number_behind(const std::string& name, const std::string& word) {
  std::smatch match;
  if (!std::regex_search(name, match, std::regex(word + R"((\d+(?:\.\d+)?))"))) return std::nullopt;
  return std::stod(match[1]);
}

int64_t whole_number_behind(const std::string& name, const std::string& word, int64_t otherwise) {
  const auto number = number_behind(name, word);
  return number ? static_cast<int64_t>(*number) : otherwise;
}

// Step limits that names do not say (the README of the fixtures does).
int64_t default_steps(const config::GenerationConfig& config, bool is_batched) {
  if (is_batched) return config.num_beams > 1 ? 12 : 24;
  switch (config.no_repeat_ngram) {
    case 0:
      return config.num_beams > 1 ? 16 : 32;
    case 1:
      return 16;
    case 3:
      return 20;
    default:
      return 24;
  }
}

// Ids of a prompt that is known by its name only.
preprocess::ModelInput named_input(const ModelCase& model_case, const std::string& name) {
  const CaseInputs inputs(model_case);
  if (name == "text") return inputs.text();
  if (!name.starts_with("image2")) return inputs.image();
  // The question about two pictures, asked about one.
  const std::string text = std::regex_replace(inputs.prompt("two_prompt"), std::regex(R"(<\|image\|>)"), "");
  const std::vector<image::Image> images = {model_case.image(inputs.picture())};
  return preprocess::build_input(model_case.config(), model_case.tokenizer(), images, text);
}

// Ids as given; the picture's tokens among them begin at its first im_start.
preprocess::ModelInput listed_input(const ModelCase& model_case, const std::vector<int64_t>& ids,
                                    const std::string& picture) {
  const auto& config = model_case.config();
  preprocess::ModelInput input;
  input.input_ids = at::tensor(ids, at::kLong);
  input.position_ids = at::arange(input.input_ids.numel(), at::kLong);
  const auto first = std::ranges::find(ids, config.image_start_id());
  if (first == ids.end()) return input;
  const std::vector<image::Image> images = {model_case.image(picture)};
  const preprocess::Pictures pictures = preprocess::prepare_pictures(images, config);
  const auto& tokens = pictures.tokens.front();
  if (ids.end() - first < std::ssize(tokens.ids) || !std::equal(tokens.ids.begin(), tokens.ids.end(), first)) {
    fail(ErrorCategory::BadData, "{}: the prompt does not hold the {} tokens of {}", model_case.folder().string(),
         tokens.ids.size(), picture);
  }
  const at::Tensor positions = at::tensor(tokens.feature_positions, at::kLong);
  input.image_input_idx =
      at::where(positions.ge(0), positions.add(first - ids.begin()), positions).view({-1, config.tokens_per_crop()});
  input.images = pictures.patches;
  input.image_masks = pictures.masks;
  return input;
}

}  // namespace

bool is_run_name(const std::string& name) {
  return name.starts_with("greedy") || name.starts_with("beam");
}

bool is_plain_greedy(const std::string& name) {
  return std::regex_match(name, std::regex(R"(greedy\d*)"));
}

config::GenerationConfig run_config(const std::string& name, bool is_batched) {
  config::GenerationConfig config;
  config.num_beams = whole_number_behind(name, "^beam", 1);
  config.beam_candidates = whole_number_behind(name, "pernode", 0);
  config.length_penalty = number_behind(name, "lengthnorm_").value_or(0);
  config.min_new_tokens = whole_number_behind(name, "min_steps", 0);
  config.no_repeat_ngram = whole_number_behind(name, "no_repeat_", 0);
  const int64_t steps =
      whole_number_behind(name, "^beam\\d+_(?:pernode\\d+_)?steps", default_steps(config, is_batched));
  config.max_new_tokens = std::max(whole_number_behind(name, "^greedy", steps), config.min_new_tokens);
  config.validate();
  return config;
}

preprocess::ModelInput run_input(const ModelCase& model_case, const Json& generate, const Json& prompt) {
  const Json runs = prompt.value("input_ids_rle", Json());
  const Json picture = generate.value("fwd_image", Json());
  preprocess::ModelInput input = runs.is_array() ? listed_input(model_case, from_run_lengths(runs),
                                                                picture.is_string() ? picture.get<std::string>()
                                                                                    : CaseInputs(model_case).picture())
                                                 : named_input(model_case, prompt.at("name").get<std::string>());
  const Json seed = prompt.value("formula_seed", Json());
  return seed.is_number() ? CaseInputs(model_case).with_formula_crops(input, seed.get<int64_t>()) : input;
}

ReadPrompt::ReadPrompt(ModelCase& model_case, const preprocess::ModelInput& input)
    : molmo_(model_case.molmo()), eos_id_(preprocess::eos_id(model_case.tokenizer())), batch_(molmo_) {
  const auto with_batch_axis = [&](const at::Tensor& tensor) {
    return input.input_ids.dim() == 1 ? tensor.unsqueeze(0) : tensor;
  };
  generate::PrefillInput prompt{.input_ids = with_batch_axis(input.input_ids)};
  if (input.images.defined()) {
    prompt.image_features = molmo_.encode_images(with_batch_axis(input.images), with_batch_axis(input.image_masks));
    prompt.image_input_idx = with_batch_axis(input.image_input_idx);
  }
  logits_ = batch_.prefill(prompt);
}

std::vector<std::vector<generate::Generated>> ReadPrompt::run(const config::GenerationConfig& config) const {
  generate::DecodeBatch batch = batch_.clone();
  if (config.num_beams > 1) return generate::decode_beams(batch, logits_, config, eos_id_);
  std::vector<std::vector<generate::Generated>> rows;
  for (auto& answer : generate::decode_rows(batch, logits_, config, eos_id_)) rows.push_back({std::move(answer)});
  return rows;
}

std::vector<double> ReadPrompt::margins(const std::vector<int64_t>& answer) const {
  generate::DecodeBatch batch = batch_.clone();
  at::Tensor logits = logits_;
  std::vector<double> margins;
  for (int64_t token : answer) {
    const at::Tensor best = std::get<0>(at::topk(logits[0], 2));
    margins.push_back(best[0].item<double>() - best[1].item<double>());
    logits = batch.step(std::span(&token, 1));
  }
  return margins;
}

double least_margin(const std::vector<double>& margins) {
  return margins.empty() ? 0 : std::round(std::ranges::min(margins) * 1e6) / 1e6;
}

}  // namespace molmo::conformance
