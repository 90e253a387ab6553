#include "checkpoint/initial_model.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/nearest.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/init.h"
#include "checkpoint/source_weights.h"
#include "checkpoint/tokenizer_files.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

// Everything that a weight may come from.
struct Sources {
  std::optional<Checkpoint> checkpoint;
  std::optional<SourceWeights> text, vision;
  std::map<std::string, model::ParameterSpec> parameters;
};

fs::path tokenizer_of(const config::InitialWeights& init, const Sources& sources) {
  if (!init.tokenizer.empty()) return init.tokenizer;
  if (!init.language.empty()) return init.language;
  return sources.checkpoint ? sources.checkpoint->tokenizer_folder() : fs::path();
}

}  // namespace

std::map<std::string, at::Tensor> InitialModel::load_all() const {
  std::map<std::string, at::Tensor> weights;
  for (const auto& parameter : model::parameter_table(config)) weights.emplace(parameter.name, load(parameter.name));
  return weights;
}

void InitialModel::write_tokenizer(const fs::path& folder) const {
  if (tokenizer.empty()) {
    write_byte_tokenizer(folder, config.decoder.vocab_size);
  } else {
    copy_tokenizer_with_image_tokens(tokenizer, folder, config);
  }
}

InitialModel open_initial_model(const config::InitialWeights& init) {
  auto sources = std::make_shared<Sources>();
  InitialModel initial;
  if (config::is_preset(init.model)) {
    initial.config = config::preset(init.model);
  } else if (fs::exists(init.model)) {
    sources->checkpoint = Checkpoint::open(init.model);
    initial.config = sources->checkpoint->config();
  } else {
    fail(ErrorCategory::NotFound,
         "init.model is '{}', expected the folder of a checkpoint or one of the presets: {}.{}", init.model,
         fmt::join(config::preset_names(), ", "), did_you_mean(init.model, config::preset_names()));
  }
  if (!init.language.empty()) {
    initial.config.decoder = read_text_config(init.language, initial.config.decoder);
    sources->text = open_text_model(init.language, initial.config.decoder);
  }
  if (!init.vision.empty()) sources->vision = open_vision_tower(init.vision, initial.config.vision);
  for (auto& parameter : model::parameter_table(initial.config)) sources->parameters.emplace(parameter.name, parameter);
  initial.tokenizer = tokenizer_of(init, *sources);

  // A connector belongs to the two sides that it joins: beside a new decoder or tower it is new as well.
  const bool has_new_connector = sources->text.has_value() || sources->vision.has_value();
  initial.load = [sources, config = initial.config, seed = init.seed, has_new_connector](const std::string& native) {
    const auto found = sources->parameters.find(native);
    check_internal(found != sources->parameters.end(), "only parameters of the model are loaded");
    const model::ParameterSpec& parameter = found->second;
    if (sources->text && sources->text->has(native)) return sources->text->load(native);
    if (sources->vision && sources->vision->has(native)) return sources->vision->load(native);
    const bool is_new = parameter.component == model::Component::Connector && has_new_connector;
    if (sources->checkpoint && !is_new) {
      const bool is_unpacked = is_packed(sources->checkpoint->weights().at(native).type);
      return sources->checkpoint->load_weight(native, is_unpacked ? LoadOptions{DType::F32} : LoadOptions{});
    }
    return initial_weight(parameter, config, DType::F32, seed);
  };
  return initial;
}

}  // namespace molmo::checkpoint
