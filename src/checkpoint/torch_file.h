// Files of torch.save that hold a dictionary of tensors (the reference's model.pt): tensors are mapped where they lie,
// nothing is executed.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "checkpoint/stored_tensor.h"

namespace molmo::checkpoint {

// By the names in the file. Throws NotFound, BadData, or Unsupported for what is not a dictionary of float tensors.
std::map<std::string, StoredTensor> open_torch_file(const std::filesystem::path& path);

}  // namespace molmo::checkpoint
