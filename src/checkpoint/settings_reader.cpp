#include "checkpoint/settings_reader.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace molmo::checkpoint {

const KeyNames& SettingsReader::no_names() {
  static const KeyNames none;
  return none;
}

SettingsReader::SettingsReader(const Json& object, std::string source, const KeyNames& names)
    : object_(object), source_(std::move(source)), names_(names) {
  if (!object.is_object()) {
    fail(ErrorCategory::BadData, "{}: expected a mapping of settings, found {:.64}", source_, dump_json(object));
  }
}

std::string_view SettingsReader::spelling(std::string_view key) const {
  const auto renamed = names_.find(key);
  return renamed == names_.end() ? key : renamed->second;
}

const Json* SettingsReader::find(std::string_view key) const {
  const auto found = object_.find(std::string(spelling(key)));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool SettingsReader::is_null(std::string_view key) const {
  const auto found = object_.find(std::string(spelling(key)));
  return found != object_.end() && found->is_null();
}

std::string SettingsReader::where(std::string_view key) const {
  return fmt::format("{}: {}", source_, spelling(key));
}

void SettingsReader::wrong_type(std::string_view key, std::string_view expected) const {
  const Json* value = find(key);
  if (!value) fail(ErrorCategory::BadData, "{}: is missing, expected {}", where(key), expected);
  fail(ErrorCategory::BadData, "{}: expected {}, found {:.64}", where(key), expected, dump_json(*value));
}

namespace {

bool is_int64(const Json& value) {
  if (value.is_number_unsigned()) return std::in_range<int64_t>(value.get<uint64_t>());
  return value.is_number_integer();
}

}  // namespace

int64_t SettingsReader::integer(std::string_view key) const {
  const Json* value = find(key);
  if (!value || !is_int64(*value)) wrong_type(key, "a whole number");
  return value->get<int64_t>();
}

int64_t SettingsReader::integer(std::string_view key, int64_t if_missing) const {
  return has(key) ? integer(key) : if_missing;
}

double SettingsReader::number(std::string_view key, double if_missing) const {
  const Json* value = find(key);
  if (!value) return if_missing;
  if (!value->is_number()) wrong_type(key, "a number");
  return value->get<double>();
}

bool SettingsReader::boolean(std::string_view key, bool if_missing) const {
  const Json* value = find(key);
  if (!value) return if_missing;
  if (!value->is_boolean()) wrong_type(key, "true or false");
  return value->get<bool>();
}

std::string SettingsReader::text(std::string_view key, std::string_view if_missing) const {
  const Json* value = find(key);
  if (!value) return std::string(if_missing);
  if (!value->is_string()) wrong_type(key, "a text");
  return value->get<std::string>();
}

std::vector<int64_t> SettingsReader::integers(std::string_view key, const std::vector<int64_t>& if_missing) const {
  const Json* value = find(key);
  if (!value) return if_missing;
  std::vector<int64_t> items;
  if (!value->is_array()) wrong_type(key, "a list of whole numbers");
  for (const Json& item : *value) {
    if (!is_int64(item)) wrong_type(key, "a list of whole numbers");
    items.push_back(item.get<int64_t>());
  }
  return items;
}

std::array<int64_t, 2> SettingsReader::pair(std::string_view key, const std::array<int64_t, 2>& if_missing) const {
  const std::vector<int64_t> items = integers(key, {if_missing[0], if_missing[1]});
  if (items.size() != 2) wrong_type(key, "two whole numbers");
  return {items[0], items[1]};
}

std::vector<double> SettingsReader::numbers(std::string_view key) const {
  std::vector<double> items;
  const Json* value = find(key);
  if (!value) return items;
  if (!value->is_array()) wrong_type(key, "a list of numbers");
  for (const Json& item : *value) {
    if (!item.is_number()) wrong_type(key, "a list of numbers");
    items.push_back(item.get<double>());
  }
  return items;
}

void SettingsReader::require(std::string_view key, const Json& expected) const {
  const Json* value = find(key);
  if (value && *value != expected) {
    fail(ErrorCategory::Unsupported, "{} is {:.64}, only {} is supported", where(key), dump_json(*value),
         dump_json(expected));
  }
}

}  // namespace molmo::checkpoint
