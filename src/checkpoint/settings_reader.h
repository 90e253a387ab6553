// Reads the settings of one configuration object of a foreign file, with errors that name the file and the key as the
// file spells it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "base/error.h"
#include "base/json.h"

namespace molmo::checkpoint {

// Other spellings of keys: native key -> key in this file.
using KeyNames = std::map<std::string_view, std::string_view>;

class SettingsReader {
 public:
  // `object` and `names` must outlive the reader. Throws BadData if it is not an object.
  SettingsReader(const Json& object, std::string source, const KeyNames& names = no_names());

  // Null counts as missing. Throws BadData when a value has another type or is out of int64's range.
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Whether the file says null, which for some settings is a value of its own.
  bool is_null(std::string_view key) const;
  int64_t integer(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t if_missing) const;
  double number(std::string_view key, double if_missing) const;
  bool boolean(std::string_view key, bool if_missing) const;
  std::string text(std::string_view key, std::string_view if_missing) const;
  std::vector<int64_t> integers(std::string_view key, const std::vector<int64_t>& if_missing) const;
  std::array<int64_t, 2> pair(std::string_view key, const std::array<int64_t, 2>& if_missing) const;
  std::vector<double> numbers(std::string_view key) const;
  // The value or nullptr.
  const Json* find(std::string_view key) const;

  // Throws Unsupported for a name that is none of E's.
  template <class E>
  E name(std::string_view key, E if_missing, std::optional<E> if_null = std::nullopt) const {
    if (is_null(key) && if_null) return *if_null;
    if (!has(key)) return if_missing;
    try {
      return parse_enum<E>(text(key, ""), where(key));
    } catch (const Error& error) {
      throw Error(ErrorCategory::Unsupported, error.what());
    }
  }

  // Throws Unsupported unless the setting is missing or has this value: others change the model's arithmetic in ways
  // that we do not follow.
  void require(std::string_view key, const Json& expected) const;

  // "config.json: hidden_size"
  std::string where(std::string_view key) const;
  const std::string& source() const { return source_; }

 private:
  static const KeyNames& no_names();
  std::string_view spelling(std::string_view key) const;
  [[noreturn]] void wrong_type(std::string_view key, std::string_view expected) const;

  const Json& object_;
  std::string source_;
  const KeyNames& names_;
};

}  // namespace molmo::checkpoint
