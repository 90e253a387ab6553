#include "checkpoint/checkpoint.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/threads.h"
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

// A scale that is not a number, or overflows with the largest code, would spoil every answer without a word.
void check_scales(const WeightSource& source, const kernels::PackedShape& shape, const uint8_t* bytes) {
  constexpr float kMostScale = std::numeric_limits<float>::max() / 128;
  for (int64_t panel = 0; panel < shape.num_panels(); ++panel) {
    float scales[kernels::kPanelRows];
    std::memcpy(scales, bytes + panel * shape.panel_bytes(), sizeof scales);
    for (int64_t lane = 0; lane < kernels::kPanelRows; ++lane) {
      if (scales[lane] >= 0 && scales[lane] <= kMostScale) continue;
      fail(ErrorCategory::BadData, "{}: '{}' has the scale {} in row {}, expected 0 to {}. Was the file damaged?",
           source.stored.file->path().string(), source.stored_name, scales[lane], panel * kernels::kPanelRows + lane,
           kMostScale);
    }
  }
}

// Kernels read packed weights by whole cache lines. Files that we write need no copy.
at::Tensor aligned(const at::Tensor& bytes) {
  return reinterpret_cast<uintptr_t>(bytes.const_data_ptr()) % 64 == 0 ? bytes : bytes.clone();
}

at::Tensor unpack(const at::Tensor& bytes, const kernels::PackedShape& shape, at::ScalarType type) {
  constexpr int64_t kRowsAtOnce = 1024;  // in float32, on their way to another type
  const uint8_t* packed = bytes.const_data_ptr<uint8_t>();
  at::Tensor matrix = at::empty({shape.out_features, shape.in_features}, type);
  at::Tensor rows = at::empty({std::min(kRowsAtOnce, shape.out_features), shape.in_features}, at::kFloat);
  float* values = rows.mutable_data_ptr<float>();
  for (int64_t first = 0; first < shape.out_features; first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, shape.out_features - first);
    parallel_for(count, kernels::kPanelRows, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        kernels::read_packed_row(shape, packed, first + row, values + row * shape.in_features);
    });
    matrix.narrow(0, first, count).copy_(rows.narrow(0, 0, count));
  }
  return matrix;
}

at::Tensor load_packed(const WeightSource& source, const std::vector<int64_t>& shape, const LoadOptions& options) {
  const kernels::PackedShape packed = packed_shape(source.type, shape);
  const at::Tensor bytes = source.stored.map();
  check_scales(source, packed, bytes.const_data_ptr<uint8_t>());
  if (!options.dtype) return aligned(bytes);
  at::Tensor matrix = unpack(bytes, packed, to_scalar_type(*options.dtype));
  source.stored.drop_pages();
  return matrix;
}

at::Tensor load(const WeightSource& source, const WeightInfo& weight, const LoadOptions& options) {
  if (is_packed(source.type)) return load_packed(source, weight.shape, options);
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
    state->weights[parameter.name] = {source.type, parameter.shape, entry.num_bytes, source.stored.file->path(),
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
  return load(found->second, state_->weights.at(name), options);
}

void Checkpoint::drop_pages(const std::string& name) const {
  const auto found = state_->sources.find(name);
  if (found != state_->sources.end()) found->second.stored.drop_pages();
}

std::map<std::string, at::Tensor> Checkpoint::load_weights(const LoadOptions& options) const {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, source] : state_->sources)
    tensors.emplace_hint(tensors.end(), name, load(source, state_->weights.at(name), options));
  return tensors;
}

}  // namespace molmo::checkpoint
