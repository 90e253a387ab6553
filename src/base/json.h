// JSON without the cost of the JSON headers: include <nlohmann/json.hpp> only in the sources that build or walk
// documents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace molmo {

// Keeps the order of keys, so that what we write reads like what we were given.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  uint64_t max_bytes = 256u << 20;
  int max_depth = 128;
};

// `source` names the text in errors. Throws BadData on syntax errors, invalid UTF-8, duplicate keys, and depth or size
// beyond the limits.
Json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits = {});
Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

// Text of a document, two spaces of indent when `pretty`; invalid UTF-8 is written as U+FFFD, never thrown over.
std::string dump_json(const Json& json, bool pretty = false);

// Atomic: a reader sees the old file or the whole new one.
void write_json_file(const std::filesystem::path& path, const Json& json);

// A YAML document as JSON, with YAML 1.2 core scalar types. Aliases are refused (they can expand without bound).
Json parse_yaml(std::string_view text, std::string_view source);
Json read_yaml_file(const std::filesystem::path& path);
std::string dump_yaml(const Json& json);

}  // namespace molmo
