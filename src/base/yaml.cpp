#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace molmo {
namespace {

constexpr int kMaxDepth = 64;
constexpr uint64_t kMaxBytes = 16u << 20;

Json scalar_to_json(const std::string& text, bool is_quoted) {
  if (is_quoted) return text;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text == ".inf" || text == "-.inf" || text == ".nan") return text;
  const char* begin = text.data() + (text[0] == '+');
  const char* end = text.data() + text.size();
  int64_t integer = 0;
  if (auto [rest, error] = std::from_chars(begin, end, integer); error == std::errc() && rest == end) return integer;
  double real = 0;
  bool starts_like_number = begin != end && (*begin == '-' || *begin == '.' || (*begin >= '0' && *begin <= '9'));
  if (starts_like_number) {
    if (auto [rest, error] = std::from_chars(begin, end, real);
        error == std::errc() && rest == end && std::isfinite(real))
      return real;
  }
  return text;
}

Json node_to_json(const YAML::Node& node, std::string_view source, int depth) {
  if (depth > kMaxDepth) fail(ErrorCategory::BadData, "{}: YAML is nested deeper than {} levels", source, kMaxDepth);
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar_to_json(node.Scalar(), node.Tag() == "!");
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const auto& item : node) list.push_back(node_to_json(item, source, depth + 1));
      return list;
    }
    case YAML::NodeType::Map: {
      Json object = Json::object();
      std::set<std::string> keys;  // the object would look through all of its keys for each new one
      for (const auto& entry : node) {
        const std::string key = entry.first.Scalar();
        if (!keys.insert(key).second) {
          fail(ErrorCategory::BadData, "{}:{}: key '{}' appears twice", source, entry.first.Mark().line + 1, key);
        }
        object.get_ref<Json::object_t&>().emplace_back(key, node_to_json(entry.second, source, depth + 1));
      }
      return object;
    }
    default:
      return nullptr;
  }
}

void emit(YAML::Emitter& out, const Json& json) {
  if (json.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const auto& item : json) emit(out, item);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    // Quoted only where plain text would read back as another type.
    const auto text = json.get<std::string>();
    if (!scalar_to_json(text, false).is_string() || text.empty()) out << YAML::DoubleQuoted;
    out << text;
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();
  }
}

// yaml-cpp expands aliases into shared nodes; walking "a: &a [*a, *a]" style bombs would not end.
bool has_alias(std::string_view text) {
  bool is_comment = false, in_double = false, in_single = false;
  char previous = '\n';
  for (char c : text) {
    if (c == '\n') is_comment = false;
    if (!in_double && !in_single && c == '#' && (previous == ' ' || previous == '\n')) is_comment = true;
    if (!is_comment) {
      if (c == '"' && !in_single && previous != '\\') in_double = !in_double;
      if (c == '\'' && !in_double) in_single = !in_single;
      bool starts_token = previous == ' ' || previous == '\n' || previous == '[' || previous == ',' || previous == '{';
      if (!in_double && !in_single && starts_token && c == '*') return true;
    }
    previous = c;
  }
  return false;
}

}  // namespace

Json parse_yaml(std::string_view text, std::string_view source) {
  if (text.size() > kMaxBytes)
    fail(ErrorCategory::BadData, "{}: {} bytes of YAML, at most {} are read", source, text.size(), kMaxBytes);
  if (has_alias(text))
    fail(ErrorCategory::BadData, "{}: YAML aliases (*name) are not accepted. Write the value out.", source);
  try {
    return node_to_json(YAML::Load(std::string(text)), source, 0);
  } catch (const YAML::Exception& error) {
    fail(ErrorCategory::BadData, "{}:{}: not valid YAML: {}", source, error.mark.line + 1, error.msg);
  }
}

Json read_yaml_file(const std::filesystem::path& path) {
  return parse_yaml(read_file(path, kMaxBytes), path.string());
}

std::string dump_yaml(const Json& json) {
  YAML::Emitter out;
  emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace molmo
