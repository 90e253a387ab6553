// config.json, preprocessor_config.json and their companions of the released Hugging Face folders, read and written.
#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "base/dtype.h"
#include "base/json.h"
#include "config/model.h"

namespace molmo::checkpoint {

// config.json of any of the four released models, or of another size with the fields that docs/checkpoints.md lists;
// then, where it exists, preprocessor_config.json, which settles crops and pixels. Throws NotFound, BadData or
// Unsupported.
config::ModelConfig read_hf_config(const std::filesystem::path& folder);

// The same for a document; `source` names it in errors. Without preprocessor_config.json.
config::ModelConfig parse_hf_config(const Json& document, const std::string& source);

// Of weights that are packed as kernels/packed_weight.h says, in config.json's quantization_config.
inline constexpr const char* kQuantMethod = "molmo";

// Mean and standard deviation of a kind of pixels, as preprocessor_config.json spells them: red, green, blue.
struct PixelStatistics {
  config::PixelNormalization normalization;
  std::array<double, 3> mean, standard_deviation;
};
inline constexpr PixelStatistics kPixelStatistics[] = {
    {config::PixelNormalization::Clip, {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}},
    {config::PixelNormalization::SigLip, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}},
    {config::PixelNormalization::ImageNet, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}}};

// The documents of a folder. Each is what the release of that architecture has, with `config`'s values; fields that the
// releases lack are written only where `config` differs from what readers assume without them. `has_code`: the folder
// carries the release's Python files for other tools, else they are named by their repository. Throws Unsupported for a
// configuration that would not read back the same.
Json write_hf_config(const config::ModelConfig& config, DType dtype, bool has_code);
Json write_preprocessor_config(const config::ModelConfig& config, bool has_code);
Json write_processor_config(bool is_moe, bool has_code);

}  // namespace molmo::checkpoint
