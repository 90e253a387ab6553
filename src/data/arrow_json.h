// Arrow's types and values as ours; for the sources that read and write parquet only.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"

namespace molmo::data {

// In the notation of TableColumn. The wide variants (large_string, large_list, ...) are named like the plain ones,
// since they hold the same values. Throws Unsupported for a type that parquet.h does not list.
std::string type_text(const arrow::DataType& type);

// The other way round. Throws InvalidArgument.
std::shared_ptr<arrow::DataType> parse_type(std::string_view text);

// One value, as parquet.h says. The array was validated.
Json value_of(const arrow::Array& array, int64_t index);

// Adds one value to a builder of that type. Throws BadData, naming `where`, for a value of another type.
void append_value(arrow::ArrayBuilder& builder, const Json& value, const std::string& where);

}  // namespace molmo::data
