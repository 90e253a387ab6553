// Table of contents of a zip archive whose entries are stored as they are, which is what torch.save writes
// (APPNOTE 6.3: local and central headers, zip64). Nothing is decompressed, and no byte of an entry is touched.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/file.h"

namespace molmo::checkpoint {

struct ZipEntry {
  uint64_t offset = 0;  // of the content, from the start of the file
  uint64_t num_bytes = 0;
};

// Every range lies inside the file. Throws BadData for damaged archives, Unsupported for compressed, encrypted or split
// ones.
std::map<std::string, ZipEntry> read_stored_zip(const MappedFile& file);

}  // namespace molmo::checkpoint
