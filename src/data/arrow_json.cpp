#include "data/arrow_json.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace molmo::data {
namespace {

using arrow::Type;

void check(const arrow::Status& status) {
  if (!status.ok()) fail(ErrorCategory::BadData, "{}", status.ToString());
}

// A float32 is read back from its shortest decimal, so that 42.7 stays 42.7.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double number = value;
  std::from_chars(text, end, number);
  return number;
}

Json list_of(const arrow::Array& items, int64_t begin, int64_t end) {
  if (items.type_id() == Type::BOOL) {
    const auto& flags = static_cast<const arrow::BooleanArray&>(items);
    std::string text;
    for (int64_t i = begin; i < end; ++i) {
      if (flags.IsNull(i)) fail(ErrorCategory::BadData, "a list of booleans holds a null");
      text += flags.Value(i) ? '1' : '0';
    }
    return text;
  }
  Json list = Json::array();
  for (int64_t i = begin; i < end; ++i) list.push_back(value_of(items, i));
  return list;
}

template <class ListArray>
Json list_value(const arrow::Array& array, int64_t index) {
  const auto& lists = static_cast<const ListArray&>(array);
  return list_of(*lists.values(), lists.value_offset(index), lists.value_offset(index) + lists.value_length(index));
}

template <class NumberArray>
auto number(const arrow::Array& array, int64_t index) {
  return static_cast<const NumberArray&>(array).Value(index);
}

template <class BinaryArray>
Json bytes_value(const arrow::Array& array, int64_t index) {
  const std::string_view view = static_cast<const BinaryArray&>(array).GetView(index);
  return Json::binary(std::vector<uint8_t>(view.begin(), view.end()));
}

// Reads the notation of types from left to right.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : all_(text), rest_(text) {}

  std::shared_ptr<arrow::DataType> parse() {
    auto type = parse_type();
    if (!rest_.empty()) refuse();
    return type;
  }

 private:
  std::shared_ptr<arrow::DataType> parse_type() {
    if (take("list<item: ")) {
      if (++depth_ > 16) refuse();
      auto item = parse_type();
      if (!take(">")) refuse();
      return arrow::list(std::move(item));
    }
    if (take("struct<")) {
      if (++depth_ > 16) refuse();
      arrow::FieldVector fields;
      do {
        const size_t colon = rest_.find(": ");
        if (colon == std::string_view::npos || colon == 0) refuse();
        std::string name(rest_.substr(0, colon));
        rest_.remove_prefix(colon + 2);
        fields.push_back(arrow::field(std::move(name), parse_type()));
      } while (take(", "));
      if (!take(">")) refuse();
      return arrow::struct_(std::move(fields));
    }
    const std::pair<std::string_view, std::shared_ptr<arrow::DataType>> kPlain[] = {
        {"string", arrow::utf8()},  {"bool", arrow::boolean()},  {"int32", arrow::int32()},
        {"int64", arrow::int64()},  {"float", arrow::float32()}, {"double", arrow::float64()},
        {"binary", arrow::binary()}};
    for (const auto& [name, type] : kPlain) {
      if (take(name)) return type;
    }
    refuse();
  }

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  [[noreturn]] void refuse() const {
    fail(ErrorCategory::InvalidArgument,
         "'{}' is no type of a column: expected string, bool, int32, int64, float, double, binary, list<item: TYPE> or "
         "struct<NAME: TYPE, ...>",
         all_);
  }

  std::string_view all_, rest_;
  int depth_ = 0;
};

[[noreturn]] void wrong_value(const std::string& where, const arrow::DataType& type, const Json& value) {
  std::string text = value.is_binary() ? "bytes" : dump_json(value);
  if (text.size() > 80) text = text.substr(0, 80) + "...";
  fail(ErrorCategory::BadData, "{}: expected {}, found {}", where, type_text(type), text);
}

template <class Integer, class Builder>
void append_integer(arrow::ArrayBuilder& builder, const Json& value, const std::string& where) {
  const bool fits = value.is_number_unsigned()  ? std::in_range<Integer>(value.get<uint64_t>())
                    : value.is_number_integer() ? std::in_range<Integer>(value.get<int64_t>())
                                                : false;
  if (!fits) wrong_value(where, *builder.type(), value);
  check(static_cast<Builder&>(builder).Append(value.get<Integer>()));
}

void append_list(arrow::ListBuilder& builder, const Json& value, const std::string& where) {
  arrow::ArrayBuilder& items = *builder.value_builder();
  const bool is_flags = items.type()->id() == Type::BOOL && value.is_string();
  if (!value.is_array() && !is_flags) wrong_value(where, *builder.type(), value);
  check(builder.Append());
  if (is_flags) {
    for (const char flag : value.get_ref<const std::string&>()) {
      if (flag != '0' && flag != '1') wrong_value(where, *builder.type(), value);
      check(static_cast<arrow::BooleanBuilder&>(items).Append(flag == '1'));
    }
    return;
  }
  for (const Json& item : value) append_value(items, item, where);
}

void append_struct(arrow::StructBuilder& builder, const Json& value, const std::string& where) {
  if (!value.is_object()) wrong_value(where, *builder.type(), value);
  const auto held = builder.type();  // builders of nested types make it anew
  const auto& type = static_cast<const arrow::StructType&>(*held);
  for (const auto& [key, unused] : value.items()) {
    if (type.GetFieldIndex(key) < 0) wrong_value(where, type, value);
  }
  check(builder.Append());
  for (int i = 0; i < type.num_fields(); ++i) {
    const auto found = value.find(type.field(i)->name());
    append_value(*builder.field_builder(i), found == value.end() ? Json(nullptr) : *found,
                 fmt::format("{}.{}", where, type.field(i)->name()));
  }
}

}  // namespace

std::string type_text(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
      return "string";
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
    case Type::FIXED_SIZE_BINARY:
      return "binary";
    case Type::LIST:
    case Type::LARGE_LIST:
    case Type::FIXED_SIZE_LIST:
      return fmt::format("list<item: {}>", type_text(*type.field(0)->type()));
    case Type::STRUCT: {
      std::string fields;
      for (const auto& field : type.fields())
        fields += fmt::format("{}{}: {}", fields.empty() ? "" : ", ", field->name(), type_text(*field->type()));
      return fmt::format("struct<{}>", fields);
    }
    case Type::DICTIONARY:
      return type_text(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::NA:
    case Type::BOOL:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
    case Type::HALF_FLOAT:
    case Type::FLOAT:
    case Type::DOUBLE:
      return type.name();
    default:
      fail(ErrorCategory::Unsupported, "columns of type {} are not read", type.ToString());
  }
}

std::shared_ptr<arrow::DataType> parse_type(std::string_view text) {
  return TypeParser(text).parse();
}

Json value_of(const arrow::Array& array, int64_t index) {
  if (array.IsNull(index)) return nullptr;
  switch (array.type_id()) {
    case Type::BOOL:
      return number<arrow::BooleanArray>(array, index);
    case Type::INT8:
      return number<arrow::Int8Array>(array, index);
    case Type::INT16:
      return number<arrow::Int16Array>(array, index);
    case Type::INT32:
      return number<arrow::Int32Array>(array, index);
    case Type::INT64:
      return number<arrow::Int64Array>(array, index);
    case Type::UINT8:
      return number<arrow::UInt8Array>(array, index);
    case Type::UINT16:
      return number<arrow::UInt16Array>(array, index);
    case Type::UINT32:
      return number<arrow::UInt32Array>(array, index);
    case Type::UINT64:
      return number<arrow::UInt64Array>(array, index);
    case Type::HALF_FLOAT:
      return static_cast<double>(arrow::util::Float16::FromBits(number<arrow::HalfFloatArray>(array, index)).ToFloat());
    case Type::FLOAT:
      return shortest(number<arrow::FloatArray>(array, index));
    case Type::DOUBLE:
      return number<arrow::DoubleArray>(array, index);
    case Type::STRING:
      return std::string(static_cast<const arrow::StringArray&>(array).GetView(index));
    case Type::LARGE_STRING:
      return std::string(static_cast<const arrow::LargeStringArray&>(array).GetView(index));
    case Type::STRING_VIEW:
      return std::string(static_cast<const arrow::StringViewArray&>(array).GetView(index));
    case Type::BINARY:
      return bytes_value<arrow::BinaryArray>(array, index);
    case Type::LARGE_BINARY:
      return bytes_value<arrow::LargeBinaryArray>(array, index);
    case Type::BINARY_VIEW:
      return bytes_value<arrow::BinaryViewArray>(array, index);
    case Type::FIXED_SIZE_BINARY:
      return bytes_value<arrow::FixedSizeBinaryArray>(array, index);
    case Type::LIST:
      return list_value<arrow::ListArray>(array, index);
    case Type::LARGE_LIST:
      return list_value<arrow::LargeListArray>(array, index);
    case Type::FIXED_SIZE_LIST:
      return list_value<arrow::FixedSizeListArray>(array, index);
    case Type::STRUCT: {
      Json object = Json::object();
      const auto& rows = static_cast<const arrow::StructArray&>(array);
      for (int i = 0; i < rows.num_fields(); ++i)
        object[rows.struct_type()->field(i)->name()] = value_of(*rows.field(i), index);
      return object;
    }
    case Type::DICTIONARY: {
      const auto& words = static_cast<const arrow::DictionaryArray&>(array);
      return value_of(*words.dictionary(), words.GetValueIndex(index));
    }
    default:
      fail(ErrorCategory::Unsupported, "columns of type {} are not read", array.type()->ToString());
  }
}

void append_value(arrow::ArrayBuilder& builder, const Json& value, const std::string& where) {
  const auto held = builder.type();
  const arrow::DataType& type = *held;
  if (value.is_null()) {
    check(builder.AppendNull());
    return;
  }
  switch (type.id()) {
    case Type::BOOL:
      if (!value.is_boolean()) wrong_value(where, type, value);
      return check(static_cast<arrow::BooleanBuilder&>(builder).Append(value.get<bool>()));
    case Type::INT32:
      return append_integer<int32_t, arrow::Int32Builder>(builder, value, where);
    case Type::INT64:
      return append_integer<int64_t, arrow::Int64Builder>(builder, value, where);
    case Type::FLOAT:
      if (!value.is_number()) wrong_value(where, type, value);
      return check(static_cast<arrow::FloatBuilder&>(builder).Append(static_cast<float>(value.get<double>())));
    case Type::DOUBLE:
      if (!value.is_number()) wrong_value(where, type, value);
      return check(static_cast<arrow::DoubleBuilder&>(builder).Append(value.get<double>()));
    case Type::STRING:
      if (!value.is_string()) wrong_value(where, type, value);
      return check(static_cast<arrow::StringBuilder&>(builder).Append(value.get_ref<const std::string&>()));
    case Type::BINARY: {
      if (!value.is_binary()) wrong_value(where, type, value);
      const auto& bytes = value.get_binary();
      if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()))
        fail(ErrorCategory::Unsupported, "{}: {} bytes are too many for one value", where, bytes.size());
      return check(
          static_cast<arrow::BinaryBuilder&>(builder).Append(bytes.data(), static_cast<int32_t>(bytes.size())));
    }
    case Type::LIST:
      return append_list(static_cast<arrow::ListBuilder&>(builder), value, where);
    case Type::STRUCT:
      return append_struct(static_cast<arrow::StructBuilder&>(builder), value, where);
    default:
      fail(ErrorCategory::Internal, "internal error: no value of type {} can be written", type.ToString());
  }
}

}  // namespace molmo::data
