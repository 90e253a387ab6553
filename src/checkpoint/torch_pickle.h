// The pickle inside a file of torch.save, for the one kind of object that a checkpoint holds: a (possibly ordered)
// dictionary of names to tensors, with the metadata that PyTorch attaches to it. A pickle is a program; this reads the
// few instructions that describe such a dictionary and refuses every other instruction and every other name by name, so
// nothing of the file is ever executed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"

namespace molmo::checkpoint {

// A tensor as the pickle describes it. Sizes are checked to be sound among themselves, not against any storage.
struct PickledTensor {
  std::string storage;  // name of the archive entry below data/
  DType dtype;
  uint64_t storage_size = 0;    // elements
  uint64_t storage_offset = 0;  // elements
  std::vector<int64_t> shape;
};

// By name. `source` names the file in errors. Throws BadData for damage, Unsupported for anything that is not such a
// dictionary.
std::map<std::string, PickledTensor> read_torch_pickle(std::string_view pickle, std::string_view source);

}  // namespace molmo::checkpoint
