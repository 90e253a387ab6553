#include "cli/conformance/model_case.h"

#include <ATen/ops/empty.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::conformance {
namespace fs = std::filesystem;

std::optional<fs::path> find_case_folder(const fs::path& file) {
  for (fs::path folder = file.parent_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "native" / "config.yaml") || fs::exists(folder / "hf" / "config.json")) return folder;
    if (folder == folder.parent_path()) return std::nullopt;
  }
}

ModelCase::ModelCase(const fs::path& folder)
    : folder_(folder),
      checkpoint_(checkpoint::Checkpoint::open(fs::exists(folder / "native") ? folder / "native" : folder / "hf")),
      tokenizer_(text::Tokenizer::load(checkpoint_.tokenizer_folder())),
      settings_(std::make_unique<Json>(fs::exists(folder / "expected.json") ? read_json_file(folder / "expected.json")
                                                                            : Json::object())) {}

ModelCase::~ModelCase() = default;

const model::Molmo& ModelCase::molmo() {
  if (!molmo_) molmo_ = std::make_unique<model::Molmo>(config(), checkpoint_.load_weights());
  return *molmo_;
}

const model::Molmo& ModelCase::bf16_molmo() {
  if (!bf16_molmo_) {
    const fs::path rounded = folder_ / "hf-bf16";
    const auto weights = fs::exists(rounded) ? checkpoint::Checkpoint::open(rounded).load_weights()
                                             : checkpoint_.load_weights({.dtype = DType::BF16});
    bf16_molmo_ = std::make_unique<model::Molmo>(config(), weights);
  }
  return *bf16_molmo_;
}

image::Image ModelCase::image(const std::string& name) const {
  const fs::path own = folder_ / "images" / name;
  return image::read_image(fs::exists(own) ? own : folder_.parent_path() / "images" / name);
}

double ModelCase::tolerance(std::string_view what, double fallback) const {
  const Json tolerances = settings_->value("tolerances", Json::object());
  const auto found = tolerances.is_object() ? tolerances.find(std::string(what)) : tolerances.end();
  if (found == tolerances.end()) return fallback;
  if (found->is_number()) return found->get<double>();
  if (!found->is_string()) return fallback;
  // Words around a number, "2e-3 (PNG); JPEG decoders may differ more".
  const std::string text = found->get<std::string>();
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end == text.c_str() ? fallback : number;
}

Json optional_id(std::optional<int64_t> id) {
  return id ? Json(*id) : Json();
}

Json special_token_ids(const text::Tokenizer& tokenizer) {
  Json ids = Json::object();
  for (std::string_view token : config::image_token_texts())
    ids[std::string(token)] = optional_id(tokenizer.id_of(token));
  return ids;
}

Json run_lengths(const std::vector<int64_t>& ids) {
  Json runs = Json::array();
  for (int64_t id : ids) {
    if (!runs.empty() && runs.back()[0] == id) {
      runs.back()[1] = runs.back()[1].get<int64_t>() + 1;
    } else {
      runs.push_back({id, 1});
    }
  }
  return runs;
}

std::vector<int64_t> from_run_lengths(const Json& runs) {
  constexpr size_t kMost = 1 << 20;
  std::vector<int64_t> ids;
  for (const auto& run : runs) {
    const auto count = run.at(1).get<size_t>();
    if (count > kMost - ids.size())
      fail(ErrorCategory::BadData, "a run of {} ids behind {}, expected at most {} in all", count, ids.size(), kMost);
    ids.insert(ids.end(), count, run.at(0).get<int64_t>());
  }
  return ids;
}

at::Tensor formula_crops(int64_t num_crops, int64_t num_patches, int64_t patch_dim, int64_t seed) {
  at::Tensor crops = at::empty({num_crops, num_patches, patch_dim}, at::kFloat);
  float* value = crops.mutable_data_ptr<float>();
  for (int64_t i = 0; i < num_crops; ++i) {
    for (int64_t p = 0; p < num_patches; ++p) {
      for (int64_t q = 0; q < patch_dim; ++q) {
        const int64_t t = (i * 7919 + p * 104729 + q * 1299709 + ((p * q) % 251) * 50021 + seed * 15485863) % 65537;
        *value++ = static_cast<float>(t - 32768) / 16384;
      }
    }
  }
  return crops;
}

}  // namespace molmo::conformance
