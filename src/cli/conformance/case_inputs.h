// The prompts of a case as the model reads them, from the settings of its expected.json.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/conformance/model_case.h"
#include "preprocess/model_input.h"

namespace molmo::conformance {

class CaseInputs {
 public:
  explicit CaseInputs(const ModelCase& model_case) : case_(model_case) {}

  preprocess::ModelInput text() const;
  preprocess::ModelInput image() const;       // the picture in front of its prompt
  preprocess::ModelInput two_images() const;  // the picture at each place inside the text

  // Pixels replaced by the formula, counted over all crops of the input.
  preprocess::ModelInput with_formula_crops(preprocess::ModelInput input, int64_t seed) const;

  int64_t seed(std::string_view part) const;
  int64_t hidden_0_stride() const;  // 1 where expected.json names none
  std::string prompt(std::string_view which) const;
  std::string picture() const;

 private:
  const ModelCase& case_;
};

// image_features: as encode_images gives them, or undefined. -> [1, T, D]
at::Tensor embed(const model::Molmo& molmo, const preprocess::ModelInput& input, const at::Tensor& image_features);
// [1, C, Q, D]; undefined without pictures.
at::Tensor encode_images(const model::Molmo& molmo, const preprocess::ModelInput& input);

}  // namespace molmo::conformance
