// Four numbers at a time, which every processor can: what the compiler does not find by itself at -O2.
#pragma once

#include <string.h>

#include <cstdint>

namespace molmo::quantize {

using Vector = float __attribute__((vector_size(16)));
inline constexpr int64_t kLanes = 4;

inline Vector load(const float* values) {
  Vector vector;
  memcpy(&vector, values, sizeof vector);
  return vector;
}

inline void store(float* values, Vector vector) {
  memcpy(values, &vector, sizeof vector);
}

}  // namespace molmo::quantize
