// Adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors with
// `base_model.model.<module>.lora_{A,B}.weight`.
//   model::Adapter adapter = read_adapter("my-lora", checkpoint.config());
//   merge_adapter(weights, adapter);                     // or give it to the model and keep the base weights
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "config/model.h"
#include "model/adapter.h"

namespace molmo::checkpoint {

// Checks every update against the shapes of `config`'s parameters. Throws NotFound, BadData (shapes, missing halves,
// unknown modules) or Unsupported (DoRA, trained biases, adapters of embeddings, other methods than LoRA).
model::Adapter read_adapter(const std::filesystem::path& folder, const config::ModelConfig& config);

// Writes a folder that PEFT loads on top of a checkpoint of `config` in Hugging Face layout. `base_model` goes into
// adapter_config.json.
void write_adapter(const std::filesystem::path& folder, const model::Adapter& adapter,
                   const config::ModelConfig& config, const std::string& base_model = "");

// W + scale B A, computed in float32, in the weight's own type. A new tensor: mapped weights cannot be written to.
at::Tensor merge_update(const at::Tensor& weight, const model::LowRankUpdate& update);

// Replaces each weight that the adapter updates. Throws InvalidArgument when a weight is not there.
void merge_adapter(std::map<std::string, at::Tensor>& weights, const model::Adapter& adapter);

}  // namespace molmo::checkpoint
