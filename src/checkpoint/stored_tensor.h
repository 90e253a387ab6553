// A tensor where it lies in a mapped file, whatever format the file has.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/file.h"

namespace molmo::checkpoint {

// Whether a name from a file may be kept and quoted in messages: at most 1024 bytes, none of which a terminal would
// obey.
bool is_sound_name(std::string_view name);

struct TensorEntry {
  DType dtype;
  std::vector<int64_t> shape;
  uint64_t offset = 0;  // from the start of the file
  uint64_t num_bytes = 0;
};

struct StoredTensor {
  std::shared_ptr<const MappedFile> file;
  TensorEntry entry;  // was checked to lie inside the file

  // Read-only view that keeps the map alive, or a copy where the offset is not aligned for the type.
  at::Tensor map() const;
  // Lets go of the pages after the tensor was converted or copied.
  void drop_pages() const;
  // Row `index` of `count` equal blocks along the first dimension.
  StoredTensor block(int64_t index, int64_t count) const;
};

}  // namespace molmo::checkpoint
