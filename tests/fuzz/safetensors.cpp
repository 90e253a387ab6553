#include <cstring>

#include "checkpoint/safetensors.h"
#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

std::string safetensors_file(std::string header, size_t num_data_bytes) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t size = header.size();
  std::string file(sizeof(size), '\0');
  std::memcpy(file.data(), &size, sizeof(size));
  return file + header + std::string(num_data_bytes, '\1');
}

// The whole file: header, and every tensor touched at both ends.
void run(std::string_view bytes) {
  const auto file = checkpoint::SafetensorsFile::open(file_with(bytes, "model.safetensors"));
  for (const auto& [name, entry] : file.entries()) {
    const at::Tensor tensor = file.tensor(name);
    if (tensor.numel() == 0) continue;
    const auto* first = static_cast<const volatile unsigned char*>(tensor.const_data_ptr());
    (void)first[0];
    (void)first[tensor.nbytes() - 1];
  }
}

std::vector<std::string> seeds() {
  return {
      safetensors_file("{}", 0),
      safetensors_file(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})", 16),
      safetensors_file(
          R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},"b":{"dtype":"I64","shape":[],"data_offsets":[6,14]},)"
          R"("c":{"dtype":"U8","shape":[0,5],"data_offsets":[14,14]}})",
          14),
  };
}

}  // namespace

Target safetensors_target() {
  return {"safetensors", run, seeds};
}

}  // namespace molmo::fuzz
