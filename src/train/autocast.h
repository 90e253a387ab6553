// Matrix products in a 16-bit type while weights, norms and sums stay float32: torch's autocast, for a scope.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace molmo::train {

class Autocast {
 public:
  // Empty: changes nothing.
  Autocast(at::DeviceType device, std::optional<at::ScalarType> type);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  std::optional<at::DeviceType> device_;  // empty: nothing to undo
};

}  // namespace molmo::train
