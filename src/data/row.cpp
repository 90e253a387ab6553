#include "data/row.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::data {

Row::Row(const Json& columns, std::string where) : columns_(columns), where_(std::move(where)) {
  if (!columns.is_object()) {
    fail(ErrorCategory::BadData, "{}: a row is {}, expected an object", where_, columns.type_name());
  }
}

void Row::refuse(std::string_view column, std::string_view expected) const {
  fail(ErrorCategory::BadData, "{}: '{}' is {}, expected {}", where_, column, value(column).type_name(), expected);
}

bool Row::has(std::string_view column) const {
  const auto it = columns_.find(column);
  return it != columns_.end() && !it->is_null();
}

const Json& Row::value(std::string_view column) const {
  const auto it = columns_.find(column);
  if (it == columns_.end()) {
    fail(ErrorCategory::BadData, "{}: there is no '{}'. Is this the published layout?", where_, column);
  }
  return *it;
}

std::string Row::text(std::string_view column) const {
  if (!value(column).is_string()) refuse(column, "a text");
  return value(column).get<std::string>();
}

int64_t Row::integer(std::string_view column) const {
  const Json& found = value(column);
  const bool is_too_large = found.is_number_unsigned() && found.get<uint64_t>() > std::numeric_limits<int64_t>::max();
  if (!found.is_number_integer() || is_too_large) refuse(column, "a whole number of at most 63 bits");
  return found.get<int64_t>();
}

bool Row::flag(std::string_view column) const {
  const Json& found = value(column);
  if (found.is_boolean()) return found.get<bool>();
  if (!found.is_number_integer() || (found != 0 && found != 1)) refuse(column, "true, false, 1 or 0");
  return found == 1;
}

std::string Row::id(std::string_view column) const {
  return value(column).is_string() ? text(column) : std::to_string(integer(column));
}

std::vector<std::string> Row::texts(std::string_view column) const {
  std::vector<std::string> texts;
  for (const Json& entry : list(column)) {
    if (!entry.is_string()) refuse(column, "a list of texts");
    texts.push_back(entry.get<std::string>());
  }
  return texts;
}

std::vector<Json> Row::list(std::string_view column) const {
  if (!value(column).is_array()) refuse(column, "a list");
  return value(column).get<std::vector<Json>>();
}

}  // namespace molmo::data
