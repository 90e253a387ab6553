#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "data/arrow_json.h"
#include "data/parquet.h"

namespace molmo::data {
namespace {

constexpr std::string_view kPictureType = "struct<bytes: binary, path: string>";

void check(const arrow::Status& status, const std::filesystem::path& path) {
  if (!status.ok()) fail(ErrorCategory::Io, "{}: cannot write: {}", path.string(), status.ToString());
}

template <class T>
T value_or_fail(arrow::Result<T> result, const std::filesystem::path& path) {
  check(result.status(), path);
  return std::move(result).ValueUnsafe();
}

// What the hub's library calls a type.
Json feature_of(const arrow::DataType& type) {
  using arrow::Type;
  if (type_text(type) == kPictureType) return {{"_type", "Image"}};
  switch (type.id()) {
    case Type::LIST: {
      const arrow::DataType& item = *type.field(0)->type();
      if (item.id() == Type::STRUCT && type_text(item) != kPictureType) return Json::array({feature_of(item)});
      return {{"feature", feature_of(item)}, {"_type", "Sequence"}};
    }
    case Type::STRUCT: {
      // A struct of lists is how the library stores a list of structs.
      bool is_sequence = true;
      for (const auto& field : type.fields()) is_sequence &= field->type()->id() == Type::LIST;
      Json features = Json::object();
      for (const auto& field : type.fields())
        features[field->name()] = feature_of(is_sequence ? *field->type()->field(0)->type() : *field->type());
      return is_sequence ? Json{{"feature", features}, {"_type", "Sequence"}} : features;
    }
    case Type::FLOAT:
      return {{"dtype", "float32"}, {"_type", "Value"}};
    case Type::DOUBLE:
      return {{"dtype", "float64"}, {"_type", "Value"}};
    default:
      return {{"dtype", type.name() == "utf8" ? "string" : type.name()}, {"_type", "Value"}};
  }
}

std::shared_ptr<arrow::Schema> schema_of(const std::vector<TableColumn>& columns) {
  arrow::FieldVector fields;
  Json features = Json::object();
  for (const TableColumn& column : columns) {
    fields.push_back(arrow::field(column.name, parse_type(column.type)));
    features[column.name] = feature_of(*fields.back()->type());
  }
  const Json info = {{"info", {{"features", features}}}};
  return arrow::schema(fields, arrow::key_value_metadata({"huggingface"}, {dump_json(info)}));
}

// Arrow's view of a file that is complete or not there.
class AtomicOutput final : public arrow::io::OutputStream {
 public:
  explicit AtomicOutput(const std::filesystem::path& path) : file_(path) {}
  arrow::Status Close() override {
    is_closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return is_closed_; }
  arrow::Result<int64_t> Tell() const override { return num_bytes_; }
  arrow::Status Write(const void* data, int64_t size) override {
    file_.write(std::string_view(static_cast<const char*>(data), static_cast<size_t>(size)));
    num_bytes_ += size;
    return arrow::Status::OK();
  }
  void commit() { file_.commit(); }

 private:
  AtomicFile file_;
  int64_t num_bytes_ = 0;
  bool is_closed_ = false;
};

uint64_t rough_bytes(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size();
  if (value.is_binary()) return value.get_binary().size();
  uint64_t sum = 8;
  if (value.is_structured()) {
    for (const Json& item : value) sum += rough_bytes(item);
  }
  return sum;
}

}  // namespace

class ParquetWriter::Impl {
 public:
  Impl(std::filesystem::path path, const std::vector<TableColumn>& columns, const ParquetWriterOptions& options)
      : path_(std::move(path)), options_(options), schema_(schema_of(columns)) {
    for (const auto& field : schema_->fields())
      builders_.push_back(value_or_fail(arrow::MakeBuilder(field->type()), path_));
    output_ = std::make_shared<AtomicOutput>(path_);
    const auto properties = parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    writer_ = value_or_fail(
        parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), output_, properties, arrow_properties),
        path_);
  }

  ~Impl() {
    // Arrow's destructor would close the file, and report on standard error if that failed.
    if (writer_) static_cast<void>(writer_->Close());
  }

  void add(const Json& row) {
    const std::string where = fmt::format("{}, row {}", path_.string(), num_rows_);
    if (!row.is_object()) fail(ErrorCategory::BadData, "{}: expected an object, found {}", where, row.type_name());
    for (const auto& [key, unused] : row.items()) {
      if (schema_->GetFieldIndex(key) < 0)
        fail(ErrorCategory::BadData, "{}: there is no column '{}', but {}", where, key,
             fmt::join(schema_->field_names(), ", "));
    }
    is_broken_ = true;  // unless all columns take their value
    for (int i = 0; i < schema_->num_fields(); ++i) {
      const std::string& name = schema_->field(i)->name();
      const auto found = row.find(name);
      append_value(*builders_[static_cast<size_t>(i)], found == row.end() ? Json(nullptr) : *found,
                   fmt::format("{}, column '{}'", where, name));
    }
    is_broken_ = false;
    ++num_rows_;
    ++group_rows_;
    group_bytes_ += rough_bytes(row);
    if (group_rows_ >= options_.max_group_rows || group_bytes_ >= options_.max_group_bytes) write_group();
  }

  void commit() {
    if (is_broken_) fail(ErrorCategory::InvalidArgument, "{}: a row could not be written", path_.string());
    if (group_rows_ > 0) write_group();
    check(writer_->Close(), path_);
    writer_.reset();
    output_->commit();
  }

 private:
  void write_group() {
    arrow::ArrayVector arrays;
    for (auto& builder : builders_) arrays.push_back(value_or_fail(builder->Finish(), path_));
    const auto table = arrow::Table::Make(schema_, arrays, static_cast<int64_t>(group_rows_));
    check(writer_->WriteTable(*table, static_cast<int64_t>(group_rows_)), path_);
    group_rows_ = 0;
    group_bytes_ = 0;
  }

  std::filesystem::path path_;
  ParquetWriterOptions options_;
  std::shared_ptr<arrow::Schema> schema_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::shared_ptr<AtomicOutput> output_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  size_t num_rows_ = 0, group_rows_ = 0;
  uint64_t group_bytes_ = 0;
  bool is_broken_ = false;
};

ParquetWriter::ParquetWriter(std::filesystem::path path, const std::vector<TableColumn>& columns,
                             const ParquetWriterOptions& options)
    : impl_(std::make_unique<Impl>(std::move(path), columns, options)) {}

ParquetWriter::~ParquetWriter() = default;

void ParquetWriter::add(const Json& row) {
  impl_->add(row);
}

void ParquetWriter::commit() {
  impl_->commit();
}

}  // namespace molmo::data
