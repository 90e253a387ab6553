#include "checkpoint/torch_file.h"

#include <cstdint>
#include <cstring>

#include "checkpoint/torch_pickle.h"
#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

template <class T>
std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

// {"w": torch.float32 [2, 1]} as torch.save pickles it (protocol 2).
std::string tiny_pickle() {
  const auto text = [](std::string_view word) {
    return "X" + bytes_of(static_cast<uint32_t>(word.size())) + std::string(word);
  };
  std::string pickle = "\x80\x02";
  pickle += "ccollections\nOrderedDict\n)R(";
  pickle += text("w");
  pickle += "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
            text("cpu") + "K\x02tQ";
  pickle += std::string("K\0", 2) + "K\x02K\x01\x86K\x01K\x01\x86\x89";
  pickle += "ccollections\nOrderedDict\n)RtRu.";
  return pickle;
}

struct Entry {
  std::string name, content;
};

// A zip archive of stored entries; checksums are zero, as a reader of tensors does not compute them.
std::string stored_zip(const std::vector<Entry>& entries) {
  std::string archive, directory;
  for (const auto& entry : entries) {
    const auto offset = static_cast<uint32_t>(archive.size());
    const auto size = static_cast<uint32_t>(entry.content.size());
    const std::string sizes = bytes_of(uint32_t{0}) + bytes_of(size) + bytes_of(size) +
                              bytes_of(static_cast<uint16_t>(entry.name.size())) + bytes_of(uint16_t{0});
    const std::string version_to_date =
        bytes_of(uint16_t{0}) + bytes_of(uint16_t{0}) + bytes_of(uint16_t{0}) + bytes_of(uint32_t{0});
    archive += "PK\3\4" + version_to_date + sizes + entry.name + entry.content;
    directory += "PK\1\2" + bytes_of(uint16_t{0}) + version_to_date + sizes + bytes_of(uint16_t{0}) +
                 bytes_of(uint16_t{0}) + bytes_of(uint16_t{0}) + bytes_of(uint32_t{0}) + bytes_of(offset) + entry.name;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const std::string end = "PK\5\6" + bytes_of(uint16_t{0}) + bytes_of(uint16_t{0}) + bytes_of(count) + bytes_of(count) +
                          bytes_of(static_cast<uint32_t>(directory.size())) +
                          bytes_of(static_cast<uint32_t>(archive.size())) + bytes_of(uint16_t{0});
  return archive + directory + end;
}

// An archive where the input begins like one, else the pickle alone: behind a checksum of structure, mutations would
// seldom get there.
void run(std::string_view bytes) {
  if (bytes.starts_with("PK")) {
    for (const auto& [name, tensor] : checkpoint::open_torch_file(file_with(bytes, "model.pt"))) (void)tensor.map();
  } else {
    (void)checkpoint::read_torch_pickle(bytes, "input");
  }
}

std::vector<std::string> seeds() {
  return {tiny_pickle(), stored_zip({{"archive/data.pkl", tiny_pickle()},
                                     {"archive/byteorder", "little"},
                                     {"archive/data/0", std::string(8, '\1')},
                                     {"archive/version", "3\n"}})};
}

}  // namespace

Target torch_file_target() {
  return {"torch_file", run, seeds};
}

}  // namespace molmo::fuzz
