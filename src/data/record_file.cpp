#include "data/record_file.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kRecordLimits{.max_bytes = 64u << 20, .max_depth = 16};

// The lines of a file that is mapped into memory; blank ones are left out.
class Lines final : public RecordFile {
 public:
  explicit Lines(const fs::path& path) : RecordFile(path.parent_path()), file_(MappedFile::open(path)) {
    const std::string_view text = all();
    size_t number = 1;
    for (size_t begin = 0; begin < text.size(); ++number) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines_.push_back({begin, number});
      begin = end + 1;
    }
  }

  size_t size() const override { return lines_.size(); }
  size_t number(size_t index) const override { return lines_[index].number; }
  std::string where(size_t index) const override {
    return fmt::format("{}, line {}", file_->path().string(), number(index));
  }
  Json json(size_t index) const override {
    const std::string_view rest = all().substr(lines_[index].begin);
    return parse_json(rest.substr(0, rest.find('\n')), where(index), kRecordLimits);
  }

 private:
  struct Line {
    size_t begin, number;
  };
  std::string_view all() const { return {reinterpret_cast<const char*>(file_->bytes().data()), file_->bytes().size()}; }
  std::shared_ptr<const MappedFile> file_;
  std::vector<Line> lines_;
};

// The fields of an annotation that are null in a table are not there. Points say what their scale is, also by null.
Json without_nulls(const Json& object) {
  Json kept = Json::object();
  const bool has_points = object.contains("points") && !object["points"].is_null();
  for (const auto& [key, value] : object.items()) {
    if (!value.is_null() || (key == "point_scale" && has_points)) kept[key] = value;
  }
  return kept;
}

class Rows final : public RecordFile {
 public:
  explicit Rows(const fs::path& path) : RecordFile(path.parent_path()), table_(ParquetTable::open({path})) {
    if (!table_->has_column("annotations") && !table_->has_column("text") && !table_->has_column("label_map")) {
      std::string names;
      for (const TableColumn& column : table_->columns()) names += (names.empty() ? "" : ", ") + column.name;
      fail(ErrorCategory::BadData,
           "{}: no table of records: expected the columns id, image, annotations, found: {}. Tables of published sets "
           "are opened by the name of the set, see `molmo data list`",
           path.string(), names);
    }
  }

  size_t size() const override { return table_->size(); }
  size_t number(size_t index) const override { return index; }
  std::string where(size_t index) const override { return table_->where(index); }
  Json json(size_t index) const override {
    const Json row = table_->row(index);
    Json record = Json::object();
    for (const auto& [key, value] : row.items()) {
      if (key == "image" || !value.is_null()) record[key] = value;
    }
    if (record.contains("annotations") && record["annotations"].is_array()) {
      for (Json& annotation : record["annotations"]) {
        if (annotation.is_object()) annotation = without_nulls(annotation);
      }
    }
    return record;
  }

 private:
  std::shared_ptr<const ParquetTable> table_;
};

}  // namespace

bool is_parquet_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string head(4, '\0');
  return file.read(head.data(), 4) && head == "PAR1";
}

std::shared_ptr<const RecordFile> RecordFile::open(const fs::path& path) {
  if (is_parquet_file(path)) return std::make_shared<Rows>(path);
  return std::make_shared<Lines>(path);
}

const std::vector<TableColumn>& record_columns() {
  static const std::vector<TableColumn> kColumns = {
      {"id", "string"},
      {"image", "string"},
      {"text", "string"},
      {"label_map", "string"},
      {"weight", "double"},
      {"annotations",
       "list<item: struct<style: string, messages: list<item: string>, prompt: string, question: string, "
       "options: list<item: string>, label: string, answer: string, answers: list<item: string>, answer_idx: int64, "
       "text: string, points: list<item: list<item: double>>, point_scale: double>>"}};
  return kColumns;
}

struct RecordWriter::Impl {
  std::optional<AtomicFile> lines;
  std::optional<ParquetWriter> table;
};

RecordWriter::RecordWriter(const fs::path& path) : impl_(std::make_unique<Impl>()) {
  if (path.extension() == ".jsonl") {
    impl_->lines.emplace(path);
  } else if (path.extension() == ".parquet") {
    impl_->table.emplace(path, record_columns());
  } else {
    fail(ErrorCategory::InvalidArgument, "{}: the ending is '{}', expected .jsonl or .parquet", path.string(),
         path.extension().string());
  }
}

RecordWriter::~RecordWriter() = default;

void RecordWriter::add(const Json& record) {
  if (impl_->lines) impl_->lines->write(dump_json(record) + "\n");
  if (impl_->table) impl_->table->add(record);
}

void RecordWriter::commit() {
  if (impl_->lines) impl_->lines->commit();
  if (impl_->table) impl_->table->commit();
}

}  // namespace molmo::data
