// How text models and vision towers are called in their own Hugging Face layouts (reference:
// scripts/convert_hf_to_molmo.py). Text: Qwen2, OLMo 2 and OLMo-1024 (norms after the sublayers), OLMoE. Vision: CLIP
// and MetaCLIP, SigLIP, DINOv2.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace molmo::checkpoint {

// Stored names whose tensors, one below the other, are the parameter `native`: queries, keys and values are apart in a
// text model's layout, as are the two halves of the MLP. Without prefix ("model.", "vision_model."). Empty for a
// parameter that such a model does not have.
std::vector<std::string> text_source_names(std::string_view native, const config::DecoderConfig& decoder);
std::vector<std::string> vision_source_names(std::string_view native, const config::VisionConfig& vision);

}  // namespace molmo::checkpoint
