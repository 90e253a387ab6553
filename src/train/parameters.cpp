#include "train/parameters.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "base/random.h"

namespace molmo::train {
namespace {

using config::Objective;
using model::Component;

constexpr std::array<std::string_view, 11> kNotDecayed = {"wte",
                                                          "attn_norm",
                                                          "ff_norm",
                                                          "ln_f",
                                                          "pre_ln",
                                                          "attention_norm",
                                                          "ffn_norm",
                                                          "lambda1",
                                                          "lambda2",
                                                          "positional_embedding",
                                                          "class_embedding"};

// Parts of a name between dots.
std::vector<std::string_view> parts_of(std::string_view name) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_behind_last_used_block(std::string_view name, const config::ModelConfig& model) {
  constexpr std::string_view kBlocks = "vision_backbone.image_vit.transformer.resblocks.";
  if (!name.starts_with(kBlocks)) return false;
  int64_t last = -1;
  for (const int64_t layer : model.connector.feature_layers)
    last = std::max(last, layer < 0 ? layer + model.vision.num_layers : layer);
  const auto rest = name.substr(kBlocks.size());
  return std::stoll(std::string(rest.substr(0, rest.find('.')))) > last;
}

bool is_reached(const model::ParameterSpec& parameter, Objective objective) {
  switch (objective) {
    case Objective::Caption:
    case Objective::Chat:
      return true;
    case Objective::Text:
      return parameter.name.starts_with("transformer.");
    case Objective::PatchLabels:
      return parameter.component == Component::Vision;
  }
  fail(ErrorCategory::Internal, "internal error: objective");
}

// "transformer.blocks.0.att_proj" for the weight of a linear layer, else empty.
std::string_view layer_of(const model::ParameterSpec& parameter) {
  constexpr std::string_view kSuffix = ".weight";
  const std::string_view name = parameter.name;
  const bool is_linear = parameter.shape.size() == 2 && name.ends_with(kSuffix);
  return is_linear ? name.substr(0, name.size() - kSuffix.size()) : std::string_view();
}

bool is_target(std::string_view layer, std::string_view target) {
  return layer == target || (layer.ends_with(target) && layer[layer.size() - target.size() - 1] == '.');
}

void check_targets(const config::LoraConfig& lora, const std::vector<model::ParameterSpec>& table) {
  for (const std::string& target : lora.targets) {
    std::set<std::string> known;
    bool is_found = false;
    for (const auto& parameter : table) {
      const std::string_view layer = layer_of(parameter);
      if (layer.empty()) continue;
      is_found |= is_target(layer, target);
      known.emplace(layer.substr(layer.rfind('.') + 1));
    }
    if (is_found) continue;
    fail(ErrorCategory::InvalidArgument, "lora.targets has '{}': no layer that this stage trains ends so.{}", target,
         did_you_mean(target, std::vector<std::string>(known.begin(), known.end())));
  }
}

// Uniform within 1 / sqrt(in), as PEFT begins.
at::Tensor random_a(int64_t rank, int64_t in, uint64_t seed, uint64_t index) {
  RandomStream stream(seed, "lora", index);
  at::Tensor a = at::empty({rank, in}, at::kFloat);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  float* values = a.mutable_data_ptr<float>();
  for (int64_t i = 0; i < a.numel(); ++i) values[i] = static_cast<float>((2 * stream.uniform() - 1) * bound);
  return a;
}

}  // namespace

bool is_decayed(std::string_view native_name) {
  return std::ranges::none_of(parts_of(native_name), [](std::string_view part) {
    return std::ranges::find(kNotDecayed, part) != kNotDecayed.end();
  });
}

int64_t block_of(std::string_view native_name) {
  constexpr std::string_view kBlocks = "transformer.blocks.";
  int64_t layer = -1;
  if (native_name.starts_with(kBlocks))
    std::from_chars(native_name.data() + kBlocks.size(), native_name.data() + native_name.size(), layer);
  return layer;
}

const config::ComponentTraining& training_of(const config::StageConfig& stage, Component component) {
  if (component == Component::Vision) return stage.vision;
  return component == Component::Connector ? stage.connector : stage.language;
}

std::vector<model::ParameterSpec> trained_parameters(const config::StageConfig& stage,
                                                     const config::ModelConfig& model) {
  std::vector<model::ParameterSpec> trained;
  for (auto& parameter : model::parameter_table(model)) {
    if (training_of(stage, parameter.component).frozen || !is_reached(parameter, stage.objective)) continue;
    if (!is_behind_last_used_block(parameter.name, model)) trained.push_back(std::move(parameter));
  }
  return trained;
}

std::vector<model::ParameterSpec> adapted_parameters(const config::StageConfig& stage,
                                                     const config::ModelConfig& model) {
  const auto table = trained_parameters(stage, model);
  check_targets(stage.lora, table);
  std::vector<model::ParameterSpec> adapted;
  for (const auto& parameter : table) {
    const std::string_view layer = layer_of(parameter);
    const auto is_named = [&](const std::string& target) { return is_target(layer, target); };
    if (!layer.empty() && std::ranges::any_of(stage.lora.targets, is_named)) adapted.push_back(parameter);
  }
  return adapted;
}

at::Tensor trainable_copy(const at::Tensor& weight, at::Device device) {
  at::Tensor copy = at::empty(weight.sizes(), at::TensorOptions(at::kFloat).device(device));
  copy.copy_(weight.detach());
  return copy.set_requires_grad(true);
}

at::Tensor placeholder(at::IntArrayRef shape, at::ScalarType type, at::Device device) {
  at::Tensor value = at::empty({0}, at::TensorOptions(type).device(device));
  value.unsafeGetTensorImpl()->set_sizes_contiguous(shape);
  return value;
}

model::Adapter make_adapter(const config::StageConfig& stage, const config::ModelConfig& model,
                            const model::TensorGroup& group, at::Device device, std::vector<Parameter>& parameters) {
  const auto& lora = stage.lora;
  const auto adapted = adapted_parameters(stage, model);
  model::Adapter adapter{.rank = lora.rank, .alpha = lora.alpha, .target_modules = lora.targets, .updates = {}};
  for (size_t index = 0; index < adapted.size(); ++index) {
    const auto& parameter = adapted[index];
    const std::string layer(layer_of(parameter));
    const int64_t out = parameter.shape[0], in = parameter.shape[1];
    const model::TensorSlice slice = slice_of(parameter.split, group);
    // Inputs are columns of A, outputs rows of B.
    const model::TensorSlice of_a = slice.axis == 1 ? slice : model::TensorSlice(),
                             of_b = slice.axis == 0 ? slice : model::TensorSlice();
    const at::Tensor a =
        of_a.take(random_a(lora.rank, in, stage.seed, index)).to(device).contiguous().set_requires_grad(true);
    const at::Tensor b = at::zeros(of_b.part_shape({out, lora.rank}), at::TensorOptions(at::kFloat).device(device))
                             .set_requires_grad(true);
    // The factor that is not divided finds its gradient in parts, for it meets a part of the other one.
    const auto add = [&](const char* factor, const at::Tensor& value, const model::TensorSlice& own) {
      parameters.push_back({.name = layer + factor,
                            .component = parameter.component,
                            .is_decayed = true,
                            .value = value,
                            .slice = own,
                            .has_gradient_in_parts = !slice.is_whole() && own.is_whole()});
    };
    add(".lora_A.weight", a, of_a);
    add(".lora_B.weight", b, of_b);
    adapter.updates[parameter.name] = {.a = a, .b = b, .scale = lora.alpha / static_cast<double>(lora.rank)};
  }
  return adapter;
}

}  // namespace molmo::train
