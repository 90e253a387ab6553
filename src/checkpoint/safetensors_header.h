// Header of a safetensors file: JSON text in, checked table of tensors out. Apart from the file so that any bytes can
// be tried on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "checkpoint/safetensors.h"

namespace molmo::checkpoint {

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> entries;  // offsets count from the start of the file
  std::map<std::string, std::string> metadata;
};

constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// `text`: the JSON header with its padding. `data_begin`: where the tensors' bytes begin in the file. `file_bytes`:
// size of the file. `source` names the file in errors. Throws BadData, or Unsupported for an element type that we do
// not know. Time and memory are linear in the text (times the logarithm of the number of tensors).
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_begin, uint64_t file_bytes,
                                           std::string_view source);

// "F32", "BF16", ...
std::string_view safetensors_dtype_name(DType type);

}  // namespace molmo::checkpoint
