// Everything that a configuration struct needs, from one list of its fields.
//   struct VisionConfig {
//     int64_t width = 1024;
//     template <class Visitor> void fields(Visitor& visit) { visit("width", width, "features per patch"); }
//   };
//   VisionConfig config;
//   read_fields(json, config, "config.yaml");          // unknown keys are errors that name the nearest key
//   set_field(config, "vision.width=512");             // an override from the command line
//   Json json = write_fields(config);
// Goals: one place per setting; reading, writing, overrides and help agree. Non-goals: versioning, renaming, foreign
// layouts (see checkpoint/). Include this only from sources: it needs the whole JSON header.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/json.h"

namespace molmo {

struct NullFieldVisitor {
  template <class T>
  void operator()(std::string_view, T&, std::string_view) {}
};

template <class T>
concept HasFields = requires(T& value, NullFieldVisitor& visit) {
  value.fields(visit);
};

namespace fields_detail {

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_array : std::false_type {};
template <class T, size_t N>
struct is_array<std::array<T, N>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

[[noreturn]] inline void wrong_type(std::string_view path, std::string_view expected, const Json& found) {
  fail(ErrorCategory::InvalidArgument, "{}: expected {}, found {}", path, expected, dump_json(found));
}

template <class T>
void read_value(const Json& json, T& value, const std::string& path);

struct FieldReader {
  const Json& object;
  const std::string& path;
  std::vector<std::string> known;

  template <class T>
  void operator()(std::string_view name, T& value, std::string_view) {
    known.emplace_back(name);
    auto found = object.find(std::string(name));
    if (found != object.end()) read_value(*found, value, path + "." + std::string(name));
  }
};

template <class T>
void read_value(const Json& json, T& value, const std::string& path) {
  if constexpr (HasFields<T>) {
    if (!json.is_object()) wrong_type(path, "a mapping", json);
    FieldReader reader{json, path, {}};
    value.fields(reader);
    for (const auto& [key, unused] : json.items()) {
      if (std::find(reader.known.begin(), reader.known.end(), key) == reader.known.end()) {
        fail(ErrorCategory::InvalidArgument, "{}: unknown key '{}'.{}", path, key, did_you_mean(key, reader.known));
      }
    }
  } else if constexpr (is_optional<T>::value) {
    if (json.is_null()) {
      value.reset();
    } else {
      typename T::value_type inner{};
      read_value(json, inner, path);
      value = std::move(inner);
    }
  } else if constexpr (is_vector<T>::value) {
    if (!json.is_array()) wrong_type(path, "a list", json);
    value.clear();
    for (const auto& item : json) {
      value.emplace_back();
      read_value(item, value.back(), path + "[" + std::to_string(value.size() - 1) + "]");
    }
  } else if constexpr (is_array<T>::value) {
    if (!json.is_array() || json.size() != value.size())
      wrong_type(path, fmt::format("a list of {}", value.size()), json);
    for (size_t i = 0; i < value.size(); ++i) read_value(json[i], value[i], path + "[" + std::to_string(i) + "]");
  } else if constexpr (std::is_enum_v<T>) {
    if (!json.is_string()) wrong_type(path, "a name", json);
    value = parse_enum<T>(json.get<std::string>(), path);
  } else if constexpr (std::same_as<T, bool>) {
    if (!json.is_boolean()) wrong_type(path, "true or false", json);
    value = json.get<bool>();
  } else if constexpr (std::integral<T>) {
    if (!json.is_number_integer()) wrong_type(path, "a whole number", json);
    const bool fits =
        json.is_number_unsigned() ? std::in_range<T>(json.get<uint64_t>()) : std::in_range<T>(json.get<int64_t>());
    if (!fits) wrong_type(path, "a number that fits", json);
    value = json.get<T>();
  } else if constexpr (std::floating_point<T>) {
    if (!json.is_number()) wrong_type(path, "a number", json);
    value = json.get<T>();
  } else {
    static_assert(std::same_as<T, std::string>, "field type without a reader");
    if (!json.is_string()) wrong_type(path, "a text", json);
    value = json.get<std::string>();
  }
}

template <class T>
Json write_value(T& value);

struct FieldWriter {
  Json object = Json::object();
  template <class T>
  void operator()(std::string_view name, T& value, std::string_view) {
    object[std::string(name)] = write_value(value);
  }
};

template <class T>
Json write_value(T& value) {
  if constexpr (HasFields<T>) {
    FieldWriter writer;
    value.fields(writer);
    return std::move(writer.object);
  } else if constexpr (is_optional<T>::value) {
    return value ? write_value(*value) : Json(nullptr);
  } else if constexpr (is_vector<T>::value || is_array<T>::value) {
    Json list = Json::array();
    for (auto& item : value) list.push_back(write_value(item));
    return list;
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(enum_name(value));
  } else {
    return value;
  }
}

// Finds the field of a dotted path and reads `text` into it.
struct FieldSetter {
  std::string_view head, tail;
  const Json& value;
  const std::string& path;
  bool found = false;
  std::vector<std::string> known;

  template <class T>
  void operator()(std::string_view name, T& field, std::string_view) {
    known.emplace_back(name);
    if (name != head) return;
    found = true;
    if (tail.empty()) {
      read_value(value, field, path);
    } else if constexpr (HasFields<T>) {
      set_path(field, tail, value, path);
    } else {
      fail(ErrorCategory::InvalidArgument, "{}: '{}' has no fields", path, name);
    }
  }

  template <class T>
  static void set_path(T& object, std::string_view dotted, const Json& value, const std::string& path) {
    const size_t dot = dotted.find('.');
    FieldSetter setter{
        dotted.substr(0, dot), dot == std::string_view::npos ? "" : dotted.substr(dot + 1), value, path, false, {}};
    object.fields(setter);
    if (!setter.found)
      fail(ErrorCategory::InvalidArgument, "{}: unknown key '{}'.{}", path, setter.head,
           did_you_mean(setter.head, setter.known));
  }
};

}  // namespace fields_detail

// Fields that the document does not name keep their value. `source` begins the path in errors.
template <HasFields T>
void read_fields(const Json& json, T& value, const std::string& source) {
  fields_detail::read_value(json, value, source);
}

template <HasFields T>
Json write_fields(const T& value) {
  T copy = value;  // visitors take references, so that one list serves reading and writing
  return fields_detail::write_value(copy);
}

// `assignment` is "key=value" with a dotted key; the value is read as YAML, so lists and null work.
template <HasFields T>
void set_field(T& value, const std::string& assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos) fail(ErrorCategory::InvalidArgument, "'{}': expected key=value", assignment);
  const std::string key = assignment.substr(0, equals);
  const Json parsed = parse_yaml(assignment.substr(equals + 1), key);
  fields_detail::FieldSetter::set_path(value, key, parsed, key);
}

}  // namespace molmo
