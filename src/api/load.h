// From a checkpoint folder to a model that answers: the one place where files, weights and tokenizer come together.
//   auto model = api::load_model("Molmo-7B-D-0924", {.dtype = DType::BF16});
//   generate::Session session(model);
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/dtype.h"
#include "base/enum_names.h"
#include "config/device.h"
#include "generate/session.h"

namespace molmo::api {

using config::Device;
// Types that weights can be computed with.
enum class WeightType { F32, BF16, F16 };
DType stored_type(WeightType type);

struct LoadOptions {
  std::optional<WeightType> dtype = {};  // empty: as stored, mapped without a copy
  Device device = Device::Cpu;
  std::filesystem::path adapter = {};              // folder of a LoRA adapter, or empty
  std::optional<int64_t> max_context_tokens = {};  // instead of the configuration's
  std::optional<WeightType> cache_type = {};       // of keys and values while generating; empty: float16 behind
                                                   // packed weights, else that of the activations
};

// Throws NotFound, BadData, Unsupported, InvalidArgument, or OutOfMemory before anything is read when it would not fit.
std::shared_ptr<const generate::LoadedModel> load_model(const std::filesystem::path& folder,
                                                        const LoadOptions& options = {});

}  // namespace molmo::api

template <>
struct molmo::EnumNames<molmo::api::WeightType> {
  using enum api::WeightType;
  static constexpr EnumName<api::WeightType> kValues[] = {{F32, "f32"},       {F32, "float32"}, {BF16, "bf16"},
                                                          {BF16, "bfloat16"}, {F16, "f16"},     {F16, "float16"}};
};
