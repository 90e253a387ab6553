// A safetensors fixture that takes an answer for each of its tensors.
//   TensorFixture fixture(report, "forward/forward.safetensors", path);
//   fixture.answer("text/logits", logits, {.absolute = 2e-4});
//   fixture.finish(output);
// A file whose expected tensors are all zero was emptied: its tensors are answered, and only their shapes are compared.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "cli/conformance/report.h"

namespace molmo::conformance {

class TensorFixture {
 public:
  TensorFixture(Report& report, std::string name, const std::filesystem::path& file);

  std::vector<std::string> names() const;  // in the order of the file
  bool contains(const std::string& name) const { return file_.contains(name); }
  at::Tensor input(const std::string& name) const { return file_.tensor(name); }

  // Ignored where the file has no such tensor. A missing axis of size one in front is added.
  void answer(const std::string& name, const at::Tensor& computed, const Tolerance& tolerance = {});
  // Inputs and values that nothing can compute: copied through.
  void keep(const std::string& name);

  // Compares all answers; a tensor without one fails. Writes the answers to `output`.
  void finish(const std::optional<std::filesystem::path>& output);

 private:
  struct Answer {
    at::Tensor tensor;
    Tolerance tolerance;
    bool is_kept = false;
  };
  bool is_emptied() const;
  void compare(const std::string& name, const Answer& answer, bool emptied) const;

  Report& report_;
  std::string name_;
  checkpoint::SafetensorsFile file_;
  std::map<std::string, Answer> answers_;
};

}  // namespace molmo::conformance
