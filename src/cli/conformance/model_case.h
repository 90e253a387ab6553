// A miniature model of fixtures/model: its checkpoint, its settings, and the pictures beside it.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "cli/conformance/report.h"
#include "image/image.h"
#include "model/molmo.h"
#include "text/tokenizer.h"

namespace molmo::conformance {

// The nearest folder above `file` that holds a checkpoint: hf/ or native/.
std::optional<std::filesystem::path> find_case_folder(const std::filesystem::path& file);

class ModelCase {
 public:
  explicit ModelCase(const std::filesystem::path& folder);
  ~ModelCase();

  const std::filesystem::path& folder() const { return folder_; }
  const checkpoint::Checkpoint& checkpoint() const { return checkpoint_; }
  const config::ModelConfig& config() const { return checkpoint_.config(); }
  const model::Molmo& molmo();
  // The same weights rounded to bfloat16.
  const model::Molmo& bf16_molmo();
  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  image::Image image(const std::string& name) const;  // of images/ beside the case, or inside

  // Settings and tolerances of expected.json; `fallback` where the case has no such file or tolerance.
  const Json& settings() const { return *settings_; }
  double tolerance(std::string_view what, double fallback) const;

 private:
  std::filesystem::path folder_;
  checkpoint::Checkpoint checkpoint_;
  text::Tokenizer tokenizer_;
  std::unique_ptr<Json> settings_;
  std::unique_ptr<model::Molmo> molmo_, bf16_molmo_;
};

// Image token texts and their ids.
Json special_token_ids(const text::Tokenizer& tokenizer);
// Null for none.
Json optional_id(std::optional<int64_t> id);

// [[id, count], ...], as fixtures write sequences with long runs; and back.
Json run_lengths(const std::vector<int64_t>& ids);
std::vector<int64_t> from_run_lengths(const Json& runs);

// Pixels that fixtures do not store but define: crops * patches * patch_dim values of order one, exact in float32. [C,
// P, patch_dim].
at::Tensor formula_crops(int64_t num_crops, int64_t num_patches, int64_t patch_dim, int64_t seed);

}  // namespace molmo::conformance
