// Writes files as torch.save does (a zip of a pickle and its storages), and wrong ones, for tests of the reader.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/tensor_dtype.h"

namespace molmo::test {

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Instructions of a pickle, one after the other.
class PickleWriter {
 public:
  PickleWriter& raw(const std::string& bytes) {
    out_ += bytes;
    return *this;
  }
  PickleWriter& protocol() { return raw("\x80\x02"); }
  PickleWriter& global(const std::string& module, const std::string& name) {
    return raw("c" + module + "\n" + name + "\n");
  }
  PickleWriter& text(const std::string& value) {
    return raw("X" + little_endian(static_cast<uint32_t>(value.size())) + value);
  }
  PickleWriter& number(int64_t value) {
    if (value >= INT32_MIN && value <= INT32_MAX) return raw("J" + little_endian(static_cast<int32_t>(value)));
    return raw("\x8a\x08" + little_endian(value));
  }
  PickleWriter& numbers(const std::vector<int64_t>& values) {
    raw("(");
    for (int64_t value : values) number(value);
    return raw("t");
  }
  PickleWriter& ordered_dict() { return global("collections", "OrderedDict").raw(")R"); }
  PickleWriter& storage(const std::string& type, const std::string& key, int64_t size) {
    return raw("(").text("storage").global("torch", type).text(key).text("cpu").number(size).raw("tQ");
  }
  PickleWriter& tensor(const std::string& type, const std::string& key, int64_t size, int64_t offset,
                       const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
    global("torch._utils", "_rebuild_tensor_v2")
        .raw("(")
        .storage(type, key, size)
        .number(offset)
        .numbers(shape)
        .numbers(strides);
    return raw("\x89").ordered_dict().raw("tR");
  }
  const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

// A zip archive of stored entries; fields can be set to lies.
struct ZipWriter {
  bool is_zip64 = false;
  uint16_t method = 0, flags = 0x0808;
  std::vector<std::pair<std::string, std::string>> entries;

  std::string bytes() const {
    std::string out, directory;
    for (const auto& [name, content] : entries) {
      const uint64_t offset = out.size();
      const auto size = static_cast<uint32_t>(content.size());
      const uint32_t shown_size = is_zip64 ? 0xffffffff : size,
                     shown_offset = is_zip64 ? 0xffffffff : static_cast<uint32_t>(offset);
      out +=
          "PK\3\4" + little_endian<uint16_t>(0) + little_endian(flags) + little_endian(method) + std::string(8, '\0');
      out += little_endian(shown_size) + little_endian(shown_size) + little_endian(static_cast<uint16_t>(name.size())) +
             little_endian<uint16_t>(6);
      out += name + "FB" + little_endian<uint16_t>(2) + "ZZ" + content;
      std::string extra;
      if (is_zip64) {
        extra = little_endian<uint16_t>(1) + little_endian<uint16_t>(24) + little_endian<uint64_t>(size) +
                little_endian<uint64_t>(size) + little_endian(offset);
      }
      directory +=
          "PK\1\2" + std::string(4, '\0') + little_endian(flags) + little_endian(method) + std::string(8, '\0');
      directory +=
          little_endian(shown_size) + little_endian(shown_size) + little_endian(static_cast<uint16_t>(name.size()));
      directory += little_endian(static_cast<uint16_t>(extra.size())) + std::string(10, '\0') +
                   little_endian(shown_offset) + name + extra;
    }
    const uint64_t begin = out.size();
    out += directory;
    if (is_zip64) {
      const uint64_t end64 = out.size();
      out += "PK\6\6" + little_endian<uint64_t>(44) + std::string(12, '\0') + little_endian<uint64_t>(entries.size()) +
             little_endian<uint64_t>(entries.size());
      out += little_endian<uint64_t>(directory.size()) + little_endian(begin);
      out += "PK\6\7" + std::string(4, '\0') + little_endian(end64) + little_endian<uint32_t>(1);
    }
    const auto count = static_cast<uint16_t>(is_zip64 ? 0xffff : entries.size());
    out += "PK\5\6" + std::string(4, '\0') + little_endian(count) + little_endian(count);
    out += little_endian(is_zip64 ? 0xffffffff : static_cast<uint32_t>(directory.size())) +
           little_endian(is_zip64 ? 0xffffffff : static_cast<uint32_t>(begin));
    return out + little_endian<uint16_t>(0);
  }
};

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::string storage_type(at::ScalarType type) {
  return type == at::kFloat ? "FloatStorage" : type == at::kHalf ? "HalfStorage" : "BFloat16Storage";
}

// torch.save of an OrderedDict with module metadata.
inline ZipWriter torch_archive(const std::map<std::string, at::Tensor>& tensors) {
  PickleWriter pickle;
  pickle.protocol().ordered_dict().raw("q\1(");
  ZipWriter zip;
  int key = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor contiguous = tensor.contiguous();
    pickle.text(name).tensor(storage_type(tensor.scalar_type()), std::to_string(key), tensor.numel(), 0,
                             tensor.sizes().vec(), contiguous.strides().vec());
    const auto bytes = checkpoint::tensor_bytes(contiguous);
    zip.entries.emplace_back("model/data/" + std::to_string(key++),
                             std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  pickle.raw("u}").text("_metadata").ordered_dict().text("").raw("}").text("version").number(1).raw("sssb.");
  zip.entries.emplace_back("model/data.pkl", pickle.bytes());
  zip.entries.emplace_back("model/byteorder", "little");
  return zip;
}

}  // namespace molmo::test
