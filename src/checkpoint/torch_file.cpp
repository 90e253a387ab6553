#include "checkpoint/torch_file.h"

#include <string_view>

#include "base/error.h"
#include "checkpoint/torch_pickle.h"
#include "checkpoint/zip_reader.h"

namespace molmo::checkpoint {
namespace {

// The pickle of the largest released model has half a megabyte.
constexpr uint64_t kMaxPickleBytes = 64u << 20;
constexpr std::string_view kPickleName = "/data.pkl";

std::string_view content(const MappedFile& file, const ZipEntry& entry) {
  const auto bytes = file.bytes().subspan(entry.offset, entry.num_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Entries stand below a folder that torch.save names after the file: "model/data.pkl", "model/data/0".
std::string find_folder(const std::map<std::string, ZipEntry>& entries, const std::string& source) {
  std::string folder;
  for (const auto& [name, unused] : entries) {
    if (!name.ends_with(kPickleName)) continue;
    const std::string found = name.substr(0, name.size() - kPickleName.size());
    if (!folder.empty()) fail(ErrorCategory::BadData, "{}: has two pickles, in '{}' and '{}'", source, folder, found);
    folder = found;
  }
  if (folder.empty()) fail(ErrorCategory::BadData, "{}: has no data.pkl. Is it a file of torch.save?", source);
  return folder;
}

TensorEntry locate(const std::string& name, const PickledTensor& tensor, const ZipEntry& storage,
                   const std::string& source) {
  const auto element = static_cast<uint64_t>(dtype_bytes(tensor.dtype));
  if (storage.num_bytes % element != 0 || storage.num_bytes / element != tensor.storage_size) {
    fail(ErrorCategory::BadData, "{}: '{}': storage '{}' has {} bytes, expected {} elements of {}", source, name,
         tensor.storage, storage.num_bytes, tensor.storage_size, enum_name(tensor.dtype));
  }
  uint64_t count = 1;
  for (int64_t size : tensor.shape) count *= static_cast<uint64_t>(size);
  if (tensor.storage_offset > tensor.storage_size || count > tensor.storage_size - tensor.storage_offset) {
    fail(ErrorCategory::BadData, "{}: '{}': {} elements from {} run beyond its storage of {}", source, name, count,
         tensor.storage_offset, tensor.storage_size);
  }
  return {tensor.dtype, tensor.shape, storage.offset + tensor.storage_offset * element, count * element};
}

}  // namespace

std::map<std::string, StoredTensor> open_torch_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const std::string source = path.string();
  const std::map<std::string, ZipEntry> entries = read_stored_zip(*file);
  const std::string folder = find_folder(entries, source);
  if (const auto order = entries.find(folder + "/byteorder");
      order != entries.end() && content(*file, order->second) != "little") {
    fail(ErrorCategory::Unsupported, "{}: was saved on a big-endian machine. Save it again on a little-endian one.",
         source);
  }
  const ZipEntry& pickle = entries.at(folder + std::string(kPickleName));
  if (pickle.num_bytes > kMaxPickleBytes) {
    fail(ErrorCategory::BadData, "{}: its pickle has {} bytes, at most {} are read", source, pickle.num_bytes,
         kMaxPickleBytes);
  }
  std::map<std::string, StoredTensor> tensors;
  for (const auto& [name, tensor] : read_torch_pickle(content(*file, pickle), source)) {
    const auto storage = entries.find(folder + "/data/" + tensor.storage);
    if (storage == entries.end()) {
      fail(ErrorCategory::BadData, "{}: '{}': its storage '{:.64}' is not in the archive", source, name,
           tensor.storage);
    }
    tensors.emplace_hint(tensors.end(), name, StoredTensor{file, locate(name, tensor, storage->second, source)});
  }
  return tensors;
}

}  // namespace molmo::checkpoint
