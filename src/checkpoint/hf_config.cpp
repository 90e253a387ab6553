#include "checkpoint/hf_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/native_config.h"
#include "checkpoint/settings_reader.h"

namespace molmo::checkpoint {
namespace {

using config::ModelConfig;
using config::PixelNormalization;

constexpr JsonLimits kConfigLimits = {.max_bytes = 256 << 10, .max_depth = 16};

// Names in the config.json of 7B-D, 7B-O and 72B that differ from the reference's.
const KeyNames& dense_names() {
  static const KeyNames names = {{"d_model", "hidden_size"},
                                 {"n_heads", "num_attention_heads"},
                                 {"n_kv_heads", "num_key_value_heads"},
                                 {"n_layers", "num_hidden_layers"},
                                 {"mlp_hidden_size", "intermediate_size"},
                                 {"max_sequence_length", "max_position_embeddings"}};
  return names;
}

// What the released models have in common, and what their config.json does not say.
ModelConfig released_constants() {
  ModelConfig config = config::preset("molmo-7b-d");
  config.decoder.has_qkv_bias = false;
  return config;
}

// The same for a config.json with the reference's names, as MolmoE's.
ModelConfig mixture_constants() {
  ModelConfig config = released_constants();
  config.decoder.rope_theta = reference_defaults().decoder.rope_theta;
  config.decoder.norm_eps = reference_defaults().decoder.norm_eps;
  return config;
}

bool are_close(const std::vector<double>& values, const std::array<double, 3>& expected) {
  return std::equal(values.begin(), values.end(), expected.begin(), expected.end(),
                    [](double a, double b) { return std::abs(a - b) < 1e-6; });
}

PixelNormalization read_normalization(const SettingsReader& settings, PixelNormalization if_missing) {
  if (!settings.has("image_mean") && !settings.has("image_std")) return if_missing;
  const std::vector<double> mean = settings.numbers("image_mean"), deviation = settings.numbers("image_std");
  for (const PixelStatistics& row : kPixelStatistics) {
    if (are_close(mean, row.mean) && are_close(deviation, row.standard_deviation)) return row.normalization;
  }
  fail(ErrorCategory::Unsupported, "{}: with image_std it is neither CLIP's, SigLIP's nor ImageNet's",
       settings.where("image_mean"));
}

void check_equal(const SettingsReader& settings, std::string_view key, int64_t expected) {
  const int64_t found = settings.integer(key, expected);
  if (found != expected)
    fail(ErrorCategory::BadData, "{} is {}, but config.json makes it {}", settings.where(key), found, expected);
}

void read_preprocessor_config(const std::filesystem::path& path, ModelConfig& config) {
  const Json document = read_json_file(path, kConfigLimits);
  const SettingsReader settings(document, path.string());
  config.image_input.max_crops = settings.integer("max_crops", config.image_input.max_crops);
  config.image_input.overlap_margins = settings.pair("overlap_margins", config.image_input.overlap_margins);
  config.image_input.normalization = read_normalization(settings, config.image_input.normalization);
  settings.require("do_normalize", true);
  check_equal(settings, "image_patch_size", config.vision.patch_size);
  check_equal(settings, "image_token_length_h", config.token_grid()[0]);
  check_equal(settings, "image_token_length_w", config.token_grid()[1]);
  if (settings.pair("base_image_input_size", config.vision.input_size) != config.vision.input_size) {
    fail(ErrorCategory::BadData, "{}: is not the size [{}, {}] of the vision tower in config.json",
         settings.where("base_image_input_size"), config.vision.input_size[0], config.vision.input_size[1]);
  }
  try {
    config.validate();
  } catch (const Error& error) {
    fail(ErrorCategory::BadData, "{}: {}", path.string(), error.what());
  }
}

// "MolmoForCausalLM", and MolmoE-1B's "OLMoForCausalLM". A folder without the field is one that something else wrote.
void check_architectures(const Json& document, const std::string& source) {
  const Json classes = document.value("architectures", Json());
  if (!classes.is_array() || classes.empty()) return;
  const auto is_ours = [](const Json& name) { return name == "MolmoForCausalLM" || name == "OLMoForCausalLM"; };
  if (std::ranges::none_of(classes, is_ours)) {
    fail(ErrorCategory::Unsupported, "{}: architectures is {:.200}, expected [\"MolmoForCausalLM\"]", source,
         dump_json(classes));
  }
}

// Which weights are packed, and how, is told by their bytes; but those of other quantisers look like nothing of ours.
void check_quantization(const Json& document, const std::string& source) {
  const Json settings = document.value("quantization_config", Json());
  if (settings.is_null()) return;
  const Json method = settings.is_object() ? settings.value("quant_method", Json()) : Json();
  if (method != kQuantMethod) {
    fail(ErrorCategory::Unsupported,
         "{}: quantization_config.quant_method is {:.64}, expected \"{}\". Hint: take the weights in floating point, "
         "and quantise them with 'molmo quantize'",
         source, dump_json(method), kQuantMethod);
  }
}

}  // namespace

ModelConfig parse_hf_config(const Json& document, const std::string& source) {
  const SettingsReader plain(document, source);
  if (!plain.has("model_type")) fail(ErrorCategory::Unsupported, "{}: has no model_type, expected 'molmo'", source);
  const std::string type = plain.text("model_type", "");
  if (type != "molmo") fail(ErrorCategory::Unsupported, "{}: model_type is '{:.64}', expected 'molmo'", source, type);
  check_architectures(document, source);
  check_quantization(document, source);
  if (plain.has("d_model")) return read_model_settings(plain, mixture_constants());
  if (!plain.has("hidden_size")) {
    fail(ErrorCategory::Unsupported,
         "{}: has neither hidden_size (as Molmo-7B-D) nor d_model (as MolmoE-1B). Is it a Molmo configuration?",
         source);
  }
  ModelConfig config = read_model_settings(SettingsReader(document, source, dense_names()), released_constants());
  config.decoder.has_tied_head |= plain.boolean("tie_word_embeddings", false);
  return config;
}

ModelConfig read_hf_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  ModelConfig config = parse_hf_config(read_json_file(path, kConfigLimits), path.string());
  const std::filesystem::path preprocessor = folder / "preprocessor_config.json";
  if (std::filesystem::exists(preprocessor)) read_preprocessor_config(preprocessor, config);
  return config;
}

}  // namespace molmo::checkpoint
