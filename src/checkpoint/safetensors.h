// safetensors files: read by memory map without copying, written atomically (format: huggingface/safetensors README).
//   SafetensorsFile file = SafetensorsFile::open("model.safetensors");
//   at::Tensor weight = file.tensor("model.transformer.wte.embedding");   // a view of the mapped file; keeps the map
//   alive
// A header is believed only after every offset, shape and size was checked against the file. Throws BadData otherwise.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "checkpoint/stored_tensor.h"

namespace molmo::checkpoint {

class SafetensorsFile {
 public:
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::map<std::string, TensorEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(const std::string& name) const { return entries_.contains(name); }
  // Read-only view where the offset is aligned for the type, else a copy. Throws NotFound naming the nearest.
  at::Tensor tensor(const std::string& name) const;
  // Where it lies. Throws NotFound naming the nearest.
  StoredTensor stored(const std::string& name) const;
  // Lets go of the pages of one tensor after it was converted.
  void drop_pages(const std::string& name) const;
  const std::filesystem::path& path() const { return file_->path(); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, TensorEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

// Writes tensors one by one in the given order: the header is computed from the entries first, then `produce` is asked
// for each tensor, so that a whole model never has to be in memory. Atomic.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, TensorEntry>>& entries,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<at::Tensor(const std::string& name)>& produce);

// For small sets that are in memory already.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace molmo::checkpoint
