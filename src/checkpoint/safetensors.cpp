#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/large_pages.h"
#include "base/nearest.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {
namespace {

constexpr uint64_t kLengthBytes = 8;
// Tensors begin at a multiple of this after the header, as other writers do; every element type is aligned by it.
constexpr uint64_t kDataAlignment = 64;
constexpr size_t kMaxNamesForHint = 20'000;  // comparing with more takes longer than anyone waits for a hint

std::string header_text(const std::vector<std::pair<std::string, TensorEntry>>& entries,
                        const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + dump_json(Json(metadata)) + ",";
  uint64_t position = 0;
  for (const auto& [name, entry] : entries) {
    text += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":{},\"data_offsets\":[{},{}]}},", dump_json(Json(name)),
                        safetensors_dtype_name(entry.dtype), dump_json(Json(entry.shape)), position,
                        position + entry.num_bytes);
    position += entry.num_bytes;
  }
  if (text.back() == ',') text.pop_back();
  text += "}";
  const uint64_t end = kLengthBytes + text.size();
  text.append((kDataAlignment - end % kDataAlignment) % kDataAlignment, ' ');
  return text;
}

uint64_t shape_bytes(const TensorEntry& entry) {
  uint64_t bytes = static_cast<uint64_t>(dtype_bytes(entry.dtype));
  for (int64_t size : entry.shape) bytes *= static_cast<uint64_t>(size);
  return bytes;
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.file_ = MappedFile::open(path);
  const auto bytes = file.file_->bytes();
  prefer_large_pages(bytes.data(), bytes.size());  // packed weights are read in place
  if (bytes.size() < kLengthBytes) {
    fail(ErrorCategory::BadData, "{}: {} bytes, too short for a safetensors file", path.string(), bytes.size());
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  if (header_bytes > kMaxSafetensorsHeaderBytes) {
    fail(ErrorCategory::BadData,
         "{}: the safetensors header claims {} bytes, at most {} are read. Is it a safetensors file?", path.string(),
         header_bytes, kMaxSafetensorsHeaderBytes);
  }
  if (header_bytes > bytes.size() - kLengthBytes) {
    fail(ErrorCategory::BadData,
         "{}: the safetensors header claims {} bytes, but only {} follow. Was it cut off while copying?", path.string(),
         header_bytes, bytes.size() - kLengthBytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes);
  SafetensorsHeader header = parse_safetensors_header(text, kLengthBytes + header_bytes, bytes.size(), path.string());
  file.entries_ = std::move(header.entries);
  file.metadata_ = std::move(header.metadata);
  return file;
}

StoredTensor SafetensorsFile::stored(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    std::vector<std::string> names;
    if (entries_.size() <= kMaxNamesForHint) {
      for (const auto& [known, unused] : entries_) names.push_back(known);
    }
    fail(ErrorCategory::NotFound, "{}: has no tensor '{}'.{}", path().string(), name, did_you_mean(name, names));
  }
  return {file_, found->second};
}

at::Tensor SafetensorsFile::tensor(const std::string& name) const {
  return stored(name).map();
}

void SafetensorsFile::drop_pages(const std::string& name) const {
  stored(name).drop_pages();
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, TensorEntry>>& entries,
                       const std::map<std::string, std::string>& metadata,
                       const std::function<at::Tensor(const std::string& name)>& produce) {
  std::vector<std::pair<std::string, TensorEntry>> order = entries;
  for (auto& [name, entry] : order) entry.num_bytes = shape_bytes(entry);
  // Sizes that are whole cache lines come first, so that each of these, all packed weights among them, begins at one.
  const auto rank = [](const TensorEntry& entry) {
    return std::pair(entry.num_bytes % kDataAlignment != 0, -dtype_bytes(entry.dtype));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return rank(a.second) < rank(b.second); });
  const std::string header = header_text(order, metadata);
  if (header.size() > kMaxSafetensorsHeaderBytes) {
    fail(ErrorCategory::InvalidArgument, "{}: the header of {} tensors takes {} bytes, readers accept {}",
         path.string(), order.size(), header.size(), kMaxSafetensorsHeaderBytes);
  }
  AtomicFile file(path);
  const uint64_t header_bytes = header.size();
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(header);
  for (const auto& [name, entry] : order) {
    const at::Tensor tensor = produce(name).contiguous();
    if (to_dtype(tensor.scalar_type()) != entry.dtype || tensor.sizes() != at::IntArrayRef(entry.shape)) {
      fail(ErrorCategory::InvalidArgument, "{}: tensor '{}' is {} {}, announced was {} {}", path.string(), name,
           enum_name(to_dtype(tensor.scalar_type())), shape_text(tensor.sizes()), enum_name(entry.dtype),
           shape_text(entry.shape));
    }
    file.write(tensor_bytes(tensor));
  }
  file.commit();
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<std::pair<std::string, TensorEntry>> entries;
  for (const auto& [name, tensor] : tensors) {
    entries.emplace_back(name, TensorEntry{to_dtype(tensor.scalar_type()), tensor.sizes().vec()});
  }
  write_safetensors(path, entries, metadata, [&](const std::string& name) { return tensors.at(name).cpu(); });
}

}  // namespace molmo::checkpoint
