#include "checkpoint/checkpoint.h"

#include "base/error.h"
#include "checkpoint/hf_config.h"
#include "checkpoint/hf_weights.h"
#include "checkpoint/native_config.h"
#include "checkpoint/tensor_dtype.h"
#include "checkpoint/torch_file.h"
#include "checkpoint/weight_index.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {

namespace fs = std::filesystem;

struct Checkpoint::State {
  fs::path folder;
  Layout layout;
  config::ModelConfig config;
  std::map<std::string, WeightSource> sources;
  std::map<std::string, WeightInfo> weights;
};

namespace {

Layout find_layout(const fs::path& folder) {
  if (!fs::exists(folder))
    fail(ErrorCategory::NotFound, "{}: does not exist, expected the folder of a checkpoint", folder.string());
  if (!fs::is_directory(folder)) {
    fail(ErrorCategory::InvalidArgument, "{}: is a file, expected the folder of a checkpoint", folder.string());
  }
  if (fs::exists(folder / "config.json")) return Layout::HuggingFace;
  if (fs::exists(folder / "config.yaml")) return Layout::Native;
  fail(ErrorCategory::NotFound, "{}: has neither config.json (Hugging Face layout) nor config.yaml (native layout)",
       folder.string());
}

StoredTensors open_native_weights(const fs::path& folder) {
  const fs::path path = folder / "model.pt";
  if (fs::exists(path)) return open_torch_file(path);
  if (fs::exists(folder / "model")) {
    fail(ErrorCategory::Unsupported,
         "{}: is a sharded training checkpoint, expected model.pt. Unshard it with the reference's scripts/unshard.py.",
         folder.string());
  }
  fail(ErrorCategory::NotFound, "{}: has config.yaml but no model.pt", folder.string());
}

at::Tensor load(const WeightSource& source, const LoadOptions& options) {
  at::Tensor tensor = source.stored.map();
  if (source.is_transposed) tensor = tensor.t();
  if (!options.dtype || *options.dtype == source.stored.entry.dtype) return tensor;
  tensor = tensor.to(to_scalar_type(*options.dtype)).contiguous();
  source.stored.drop_pages();
  return tensor;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& folder) {
  auto state = std::make_shared<State>();
  state->folder = folder;
  state->layout = find_layout(folder);
  const bool is_native = state->layout == Layout::Native;
  state->config = is_native ? read_native_config(folder / "config.yaml") : read_hf_config(folder);
  const StoredTensors tensors = is_native ? open_native_weights(folder) : open_hf_weights(folder);
  const auto parameters = model::parameter_table(state->config);
  state->sources = index_weights(parameters, tensors, folder.string());
  for (const model::ParameterSpec& parameter : parameters) {
    const WeightSource& source = state->sources.at(parameter.name);
    const TensorEntry& entry = source.stored.entry;
    state->weights[parameter.name] = {entry.dtype, parameter.shape, entry.num_bytes, source.stored.file->path(),
                                      source.stored_name};
  }
  Checkpoint checkpoint;
  checkpoint.state_ = std::move(state);
  return checkpoint;
}

const config::ModelConfig& Checkpoint::config() const {
  return state_->config;
}
const fs::path& Checkpoint::folder() const {
  return state_->folder;
}
Layout Checkpoint::layout() const {
  return state_->layout;
}
const std::map<std::string, WeightInfo>& Checkpoint::weights() const {
  return state_->weights;
}

fs::path Checkpoint::tokenizer_folder() const {
  for (const fs::path& candidate : {folder(), folder() / "tokenizer"}) {
    if (fs::exists(candidate / "tokenizer.json")) return candidate;
  }
  fail(ErrorCategory::NotFound,
       "{}: has no tokenizer.json, neither there nor in tokenizer/. Copy it from the repository of the released model.",
       folder().string());
}

at::Tensor Checkpoint::load_weight(const std::string& name, const LoadOptions& options) const {
  const auto found = state_->sources.find(name);
  if (found == state_->sources.end())
    fail(ErrorCategory::NotFound, "{}: this model has no parameter '{}'", folder().string(), name);
  return load(found->second, options);
}

void Checkpoint::drop_pages(const std::string& name) const {
  const auto found = state_->sources.find(name);
  if (found != state_->sources.end()) found->second.stored.drop_pages();
}

std::map<std::string, at::Tensor> Checkpoint::load_weights(const LoadOptions& options) const {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, source] : state_->sources) tensors.emplace_hint(tensors.end(), name, load(source, options));
  return tensors;
}

}  // namespace molmo::checkpoint
