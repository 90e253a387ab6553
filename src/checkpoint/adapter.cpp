#include "checkpoint/adapter.h"

#include <ATen/ops/add.h>
#include <ATen/ops/mm.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/settings_reader.h"
#include "checkpoint/tensor_dtype.h"
#include "checkpoint/weight_index.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using model::Adapter;
using model::LowRankUpdate;

constexpr JsonLimits kAdapterConfigLimits = {.max_bytes = 256 << 10, .max_depth = 16};
constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kWeightsFile = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kWeight = ".weight", kHalfA = ".lora_A.weight", kHalfB = ".lora_B.weight";

struct AdapterSettings {
  int64_t rank = 0;
  double alpha = 0;
  bool is_rank_stabilized = false;
  std::vector<std::string> target_modules;
  std::map<std::string, double> alphas;  // of modules that have their own
};

// Names, or one name; a pattern ("all-linear") says nothing that the tensors do not.
std::vector<std::string> read_target_modules(const SettingsReader& settings) {
  std::vector<std::string> modules;
  const Json* value = settings.find("target_modules");
  if (!value) return modules;
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array())
    fail(ErrorCategory::BadData, "{}: expected a list of names", settings.where("target_modules"));
  for (const Json& module : *value) {
    if (!module.is_string())
      fail(ErrorCategory::BadData, "{}: expected a list of names", settings.where("target_modules"));
    modules.push_back(module.get<std::string>());
  }
  return modules;
}

AdapterSettings read_settings(const fs::path& path) {
  const Json document = read_json_file(path, kAdapterConfigLimits);
  const SettingsReader settings(document, path.string());
  settings.require("peft_type", "LORA");
  settings.require("bias", "none");
  settings.require("use_dora", false);
  settings.require("fan_in_fan_out", false);
  settings.require("lora_bias", false);
  settings.require("modules_to_save", Json::array());
  AdapterSettings adapter;
  adapter.rank = settings.integer("r");
  if (adapter.rank < 1)
    fail(ErrorCategory::BadData, "{} is {}, expected at least 1", settings.where("r"), adapter.rank);
  adapter.alpha = settings.number("lora_alpha", 8);  // PEFT's default
  adapter.is_rank_stabilized = settings.boolean("use_rslora", false);
  adapter.target_modules = read_target_modules(settings);
  if (const Json* pattern = settings.find("alpha_pattern")) {
    const SettingsReader alphas(*pattern, settings.where("alpha_pattern"));
    for (const auto& [module, unused] : pattern->items()) adapter.alphas[module] = alphas.number(module, adapter.alpha);
  }
  return adapter;
}

bool ends_with_module(std::string_view module, std::string_view name) {
  return module == name || (module.ends_with(name) && module[module.size() - name.size() - 1] == '.');
}

double scale_of(const AdapterSettings& settings, const std::string& module, int64_t rank) {
  double alpha = settings.alpha;
  for (const auto& [name, own] : settings.alphas) {
    if (ends_with_module(module, name)) alpha = own;
  }
  return settings.is_rank_stabilized ? alpha / std::sqrt(static_cast<double>(rank)) : alpha / static_cast<double>(rank);
}

// Stored module name -> parameter, for every matrix that an adapter may update.
std::map<std::string, model::ParameterSpec> adaptable_modules(const config::ModelConfig& config) {
  std::map<std::string, model::ParameterSpec> modules;
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    if (parameter.shape.size() != 2 || !parameter.name.ends_with(kWeight)) continue;
    for (const std::string& stored :
         {hf_name(parameter.name, config.decoder.has_experts()), hf_name(parameter.name, false)}) {
      modules.emplace(stored.substr(0, stored.size() - kWeight.size()), parameter);
    }
  }
  return modules;
}

LowRankUpdate read_update(const SafetensorsFile& file, const std::string& module, const model::ParameterSpec& parameter,
                          const AdapterSettings& settings) {
  const std::string a_name = std::string(kPrefix) + module + std::string(kHalfA),
                    b_name = std::string(kPrefix) + module + std::string(kHalfB);
  for (const std::string& name : {a_name, b_name}) {
    if (!file.contains(name))
      fail(ErrorCategory::BadData, "{}: has one half of an update, but not '{}'", file.path().string(), name);
  }
  LowRankUpdate update{file.tensor(a_name), file.tensor(b_name), 1};
  const int64_t rank = update.a.dim() == 2 ? update.a.size(0) : 0;
  const std::vector<int64_t> a_shape = {rank, parameter.shape[1]}, b_shape = {parameter.shape[0], rank};
  if (rank < 1 || update.a.sizes() != at::IntArrayRef(a_shape) || update.b.sizes() != at::IntArrayRef(b_shape)) {
    fail(ErrorCategory::BadData, "{}: '{}': A is {} and B is {}, a weight of {} needs [r, {}] and [{}, r]",
         file.path().string(), module, shape_text(update.a.sizes()), shape_text(update.b.sizes()),
         shape_text(parameter.shape), parameter.shape[1], parameter.shape[0]);
  }
  if (!update.a.is_floating_point() || !update.b.is_floating_point()) {
    fail(ErrorCategory::Unsupported, "{}: '{}' is not of floating point numbers", file.path().string(), module);
  }
  update.scale = scale_of(settings, module, rank);
  return update;
}

}  // namespace

Adapter read_adapter(const fs::path& folder, const config::ModelConfig& config) {
  for (const char* name : {kConfigName, kWeightsFile}) {
    if (!fs::exists(folder / name))
      fail(ErrorCategory::NotFound, "{}: has no {}, expected the folder of a LoRA adapter", folder.string(), name);
  }
  const AdapterSettings settings = read_settings(folder / kConfigName);
  const SafetensorsFile file = SafetensorsFile::open(folder / kWeightsFile);
  const auto modules = adaptable_modules(config);
  Adapter adapter{settings.rank, settings.alpha, settings.target_modules, {}};
  for (const auto& [name, entry] : file.entries()) {
    const std::string_view half = name.ends_with(kHalfA) ? kHalfA : kHalfB;
    if (!name.starts_with(kPrefix) || !name.ends_with(half)) {
      fail(ErrorCategory::Unsupported, "{}: '{}' is not half of a LoRA update (lora_A or lora_B of a linear layer)",
           file.path().string(), name);
    }
    const std::string module = name.substr(kPrefix.size(), name.size() - kPrefix.size() - half.size());
    const auto found = modules.find(module);
    if (found == modules.end()) {
      fail(ErrorCategory::BadData,
           "{}: '{}' updates no linear layer of this model. Was the adapter trained on another one?",
           file.path().string(), name);
    }
    if (!adapter.updates.contains(found->second.name)) {
      adapter.updates[found->second.name] = read_update(file, module, found->second, settings);
    }
  }
  if (adapter.updates.empty()) fail(ErrorCategory::BadData, "{}: has no tensors", file.path().string());
  return adapter;
}

void write_adapter(const fs::path& folder, const Adapter& adapter, const config::ModelConfig& config,
                   const std::string& base_model) {
  std::map<std::string, at::Tensor> tensors;
  std::set<std::string> modules(adapter.target_modules.begin(), adapter.target_modules.end());
  for (const auto& [name, update] : adapter.updates) {
    const double expected = adapter.alpha / static_cast<double>(update.a.size(0));
    if (update.a.size(0) != adapter.rank || std::abs(update.scale - expected) > 1e-9 * std::abs(expected)) {
      fail(ErrorCategory::Unsupported,
           "adapter of '{}': rank {} and scale {} differ from the adapter's rank {} and alpha {}", name,
           update.a.size(0), update.scale, adapter.rank, adapter.alpha);
    }
    const std::string stored = hf_name(name, config.decoder.has_experts());
    const std::string module = stored.substr(0, stored.size() - kWeight.size());
    tensors[std::string(kPrefix) + module + std::string(kHalfA)] = update.a;
    tensors[std::string(kPrefix) + module + std::string(kHalfB)] = update.b;
    modules.insert(module.substr(module.rfind('.') + 1));
  }
  std::filesystem::create_directories(folder);
  write_safetensors(folder / kWeightsFile, tensors, {{"format", "pt"}});
  write_json_file(folder / kConfigName, {{"base_model_name_or_path", base_model},
                                         {"bias", "none"},
                                         {"fan_in_fan_out", false},
                                         {"inference_mode", true},
                                         {"lora_alpha", adapter.alpha},
                                         {"lora_dropout", 0.0},
                                         {"modules_to_save", nullptr},
                                         {"peft_type", "LORA"},
                                         {"r", adapter.rank},
                                         {"target_modules", modules},
                                         {"task_type", "CAUSAL_LM"},
                                         {"use_dora", false},
                                         {"use_rslora", false}});
}

at::Tensor merge_update(const at::Tensor& weight, const LowRankUpdate& update) {
  const at::Tensor product = at::mm(update.b.to(at::kFloat), update.a.to(at::kFloat));
  return at::add(weight.to(at::kFloat), product, update.scale).to(weight.scalar_type());
}

void merge_adapter(std::map<std::string, at::Tensor>& weights, const Adapter& adapter) {
  for (const auto& [name, update] : adapter.updates) {
    const auto found = weights.find(name);
    if (found == weights.end())
      fail(ErrorCategory::InvalidArgument, "the adapter updates '{}', which is not among the weights", name);
    found->second = merge_update(found->second, update);
  }
}

}  // namespace molmo::checkpoint
