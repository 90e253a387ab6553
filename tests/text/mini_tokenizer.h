// The smallest valid tokenizer.json, to be broken: 256 bytes and the merges of " th", "the".
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "text/byte_level.h"
#include "text/utf8.h"

namespace molmo::text {

// Without the flush to disk of write_file_atomic, which dominates tests with many small files.
inline void write_text(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline Json mini_tokenizer() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string token;
    append_utf8(token, byte_to_char(static_cast<unsigned char>(byte)));
    vocab[token] = byte;
  }
  vocab["th"] = 256;
  vocab["the"] = 257;
  Json document = parse_json(R"({
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "decoder": {"type": "ByteLevel"},
    "added_tokens": [{"id": 258, "content": "<end>", "special": true, "normalized": false}],
    "model": {"type": "BPE", "merges": [["t", "h"], ["th", "e"]]}
  })",
                             "mini");
  document["model"]["vocab"] = vocab;
  return document;
}

}  // namespace molmo::text
