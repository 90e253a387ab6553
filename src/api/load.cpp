#include "api/load.h"

#include "base/error.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_dtype.h"
#include "model/device.h"

namespace molmo::api {
namespace {

config::ModelConfig with_context(config::ModelConfig config, std::optional<int64_t> max_context_tokens) {
  if (!max_context_tokens) return config;
  const int64_t trained = config.decoder.max_sequence_length;
  if (*max_context_tokens > trained) {
    log_warn("a context of {} tokens is more than the {} that the model was trained with", *max_context_tokens,
             trained);
  }
  config.decoder.max_sequence_length = *max_context_tokens;
  config.validate();
  return config;
}

double gibibytes(uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

// Weights of another type than the stored one are copied into memory; the others stay in the mapped files, whose pages
// come and go.
void check_memory(const checkpoint::Checkpoint& checkpoint, const std::optional<DType>& dtype) {
  const uint64_t available = available_memory_bytes();
  if (available == 0) return;
  uint64_t copied = 0, mapped = 0;
  for (const auto& [name, weight] : checkpoint.weights()) {
    const bool is_copied = dtype && *dtype != checkpoint::element_type(weight.type);
    if (is_copied) {
      copied += checkpoint::stored_bytes(checkpoint::stored_type(*dtype), weight.shape);
    } else {
      mapped += weight.num_bytes;
    }
  }
  if (copied > available) {
    fail(ErrorCategory::OutOfMemory, "{}: the weights as {} need {:.1f} GiB, {:.1f} GiB are available",
         checkpoint.folder().string(), enum_name(*dtype), gibibytes(copied), gibibytes(available));
  }
  if (copied + mapped > available) {
    log_warn(
        "the weights take {:.1f} GiB, {:.1f} GiB of memory are available: they will be read from disk again and again. "
        "Hint: weights of a smaller type",
        gibibytes(copied + mapped), gibibytes(available));
  }
}

}  // namespace

DType stored_type(WeightType type) {
  switch (type) {
    case WeightType::F32:
      return DType::F32;
    case WeightType::BF16:
      return DType::BF16;
    case WeightType::F16:
      return DType::F16;
  }
  fail(ErrorCategory::Internal, "internal error: weight type without a stored type");
}

std::shared_ptr<const generate::LoadedModel> load_model(const std::filesystem::path& folder,
                                                        const LoadOptions& options) {
  const at::Device device = model::compute_device(options.device);
  const auto checkpoint = checkpoint::Checkpoint::open(folder);
  const config::ModelConfig config = with_context(checkpoint.config(), options.max_context_tokens);
  text::Tokenizer tokenizer = text::Tokenizer::load(checkpoint.tokenizer_folder());
  model::Adapter adapter;
  if (!options.adapter.empty()) adapter = checkpoint::read_adapter(options.adapter, config);
  checkpoint::LoadOptions load;
  if (options.dtype) load.dtype = stored_type(*options.dtype);
  if (options.device == Device::Cpu) check_memory(checkpoint, load.dtype);
  model::Weights weights = checkpoint.load_weights(load);
  if (!device.is_cpu()) {
    for (auto& [name, weight] : weights) weight = weight.to(device);
  }
  std::optional<at::ScalarType> cache_type;
  if (options.cache_type) cache_type = checkpoint::to_scalar_type(stored_type(*options.cache_type));
  return std::make_shared<const generate::LoadedModel>(
      generate::LoadedModel{model::Molmo(config, weights, adapter), std::move(tokenizer), cache_type});
}

}  // namespace molmo::api
