// One row of a published table: its columns by name. What is missing or of another type becomes one BadData error that
// names file, row and column.
//   Row row(json, "train.json, row 7");   std::string question = row.text("question");
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace molmo::data {

class Row {
 public:
  // `columns` outlives the row. Throws BadData where it is no object.
  Row(const Json& columns, std::string where);

  const std::string& where() const { return where_; }
  bool has(std::string_view column) const;  // there, and not null
  const Json& value(std::string_view column) const;
  std::string text(std::string_view column) const;
  int64_t integer(std::string_view column) const;
  bool flag(std::string_view column) const;       // true, false, 1 or 0
  std::string id(std::string_view column) const;  // a text, or a number as one
  std::vector<std::string> texts(std::string_view column) const;
  std::vector<Json> list(std::string_view column) const;

 private:
  [[noreturn]] void refuse(std::string_view column, std::string_view expected) const;

  const Json& columns_;
  std::string where_;
};

}  // namespace molmo::data
