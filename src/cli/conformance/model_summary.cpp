// expected.json of a miniature model: what it says about the model and about the other files of the case.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/conformance/generation_run.h"
#include "cli/conformance/kind.h"
#include "model/parameter_table.h"

namespace molmo::conformance {
namespace {

at::Tensor all_logits(ModelCase& model_case, const preprocess::ModelInput& input) {
  const auto& molmo = model_case.molmo();
  return molmo.logits(molmo.decode(embed(molmo, input, encode_images(molmo, input)), {})[0]);
}

double largest(const at::Tensor& values) {
  return values.abs().max().item<float>();
}

// The text behind a longer row of its batch, against the text alone.
double batch_difference(ModelCase& model_case, const CaseInputs& inputs) {
  const std::vector<preprocess::ModelInput> rows = {inputs.with_formula_crops(inputs.image(), inputs.seed("batch")),
                                                    inputs.text()};
  const auto batch = preprocess::collate(rows);
  const auto& molmo = model_case.molmo();
  const at::Tensor x =
      molmo.embed(batch.input_ids, molmo.encode_images(batch.images, batch.image_masks), batch.image_input_idx);
  const at::Tensor logits =
      molmo.logits(molmo.decode(x, {.position_ids = batch.position_ids, .attention_bias = {}, .hooks = {}}));
  return largest(logits[1].slice(0, 0, rows[1].input_ids.numel()).sub(all_logits(model_case, rows[1])));
}

void answer_forward_settings(const Place& place, ModelCase& model_case) {
  const CaseInputs inputs(model_case);
  place.answer_field("n_crops", inputs.image().images.size(0));
  const auto two_images = inputs.with_formula_crops(inputs.two_images(), inputs.seed("two_images"));
  place.answer_field("logits_scale", largest(all_logits(model_case, two_images)),
                     {.absolute = model_case.tolerance("logits", 2e-4)});
}

void answer_greedy_summary(const Place& place, ModelCase& model_case, const Json& generate) {
  Json lengths = Json::object();
  std::vector<double> margins;
  for (const auto& prompt : generate.at("prompts")) {
    const ReadPrompt read(model_case, run_input(model_case, generate, prompt));
    std::string name = "greedy32";
    for (const auto& [key, value] : prompt.items()) {
      if (is_plain_greedy(key)) name = key;
    }
    const auto tokens = read.run(run_config(name)).front().front().tokens;
    lengths[prompt.at("name").get<std::string>()] = tokens.size();
    std::ranges::copy(read.margins(tokens), std::back_inserter(margins));
  }
  place.answer_field("min_greedy_margin", least_margin(margins),
                     {.absolute = 2 * model_case.tolerance("logits", 2e-4)});
  place.answer_field("lengths", lengths);
}

}  // namespace

void answer_model_summary(Run& run, const std::filesystem::path& file) {
  const at::NoGradGuard no_grad;
  ModelCase& model_case = run.model_case(file);
  const auto& tokenizer = model_case.tokenizer();
  const std::filesystem::path strings = file.parent_path() / "tokenizer_golden.json",
                              generate = file.parent_path() / "generate.json";
  run.answer_json(file, [&](const Place& root, const Json& document) {
    root.answer_field("n_params", model::count_parameters(model_case.config()).total);
    root.answer_field("special_tokens", special_token_ids(tokenizer));
    root.answer_field("eos", optional_id(tokenizer.eos_id()));
    root.answer_field("bos", optional_id(tokenizer.bos_id()));
    if (std::filesystem::exists(strings))
      root.answer_field("n_tokenizer_strings", read_json_file(strings).at("encode").size());
    if (document.contains("forward")) {
      const Place place = root["forward"];
      place.attempt([&] { answer_forward_settings(place, model_case); });
      root.attempt([&] {
        root.answer_field("batch_B_vs_single_text_maxdiff", batch_difference(model_case, CaseInputs(model_case)),
                          {.absolute = model_case.tolerance("logits", 2e-4)});
      });
    }
    if (document.contains("generate") && std::filesystem::exists(generate)) {
      const Place place = root["generate"];
      place.attempt([&] { answer_greedy_summary(place, model_case, read_json_file(generate)); });
    }
    answer_training_summary(root, model_case);
  });
}

}  // namespace molmo::conformance
