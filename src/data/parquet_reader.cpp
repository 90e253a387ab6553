#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

#include <algorithm>
#include <array>
#include <limits>
#include <list>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/arrow_json.h"
#include "data/parquet.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

// Whatever Arrow meets in a file becomes one error that names the file.
template <class Body>
auto guard(const fs::path& path, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.category() == ErrorCategory::BadData || error.category() == ErrorCategory::Unsupported)
      fail(error.category(), "{}: {}", path.string(), error.what());
    throw;
  } catch (const std::bad_alloc&) {
    fail(ErrorCategory::OutOfMemory, "{}: not enough memory to read it", path.string());
  } catch (const std::exception& error) {
    fail(ErrorCategory::BadData, "{}: damaged, or no parquet file: {}", path.string(), error.what());
  }
}

void check(const arrow::Status& status) {
  if (!status.ok()) fail(ErrorCategory::BadData, "damaged, or no parquet file: {}", status.ToString());
}

template <class T>
T value_or_fail(arrow::Result<T> result) {
  check(result.status());
  return std::move(result).ValueUnsafe();
}

parquet::ArrowReaderProperties arrow_properties() {
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_pre_buffer(false);
  return properties;
}

// One file that stays open: its footer, and where its rows and row groups lie in the table.
struct File {
  fs::path path;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  std::shared_ptr<parquet::FileMetaData> metadata;
  std::vector<TableColumn> columns;
  std::vector<int> leaves;  // parquet columns of all columns that are read
  size_t first_row = 0;
  std::vector<size_t> group_ends;  // row within the file, behind each row group
};

// Parquet columns (the leaves of nested ones) of some columns.
std::vector<int> leaves_of(const parquet::FileMetaData& metadata, const std::vector<std::string>& columns) {
  std::vector<int> leaves;
  for (int i = 0; i < metadata.num_columns(); ++i) {
    const auto path = metadata.schema()->Column(i)->path()->ToDotVector();
    if (std::find(columns.begin(), columns.end(), path.at(0)) != columns.end()) leaves.push_back(i);
  }
  return leaves;
}

std::vector<std::string> names_of(const std::vector<TableColumn>& columns) {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return names;
}

class Table final : public ParquetTable {
 public:
  Table(const std::vector<fs::path>& paths, const ParquetOptions& options)
      : options_(options),
        counting_pool_(arrow::default_memory_pool()),
        pool_(&counting_pool_, static_cast<int64_t>(options.max_decoded_bytes + options.cache_bytes)) {
    for (const fs::path& path : paths) {
      files_.push_back(guard(path, [&] { return open_file(path); }));
      if (files_.back().columns != files_.front().columns)
        fail(ErrorCategory::BadData, "{}: has other columns than {}", path.string(), files_.front().path.string());
      files_.back().first_row = size_;
      const size_t num_rows = files_.back().group_ends.empty() ? 0 : files_.back().group_ends.back();
      size_ += num_rows;
    }
  }

  size_t size() const override { return size_; }
  const std::vector<TableColumn>& columns() const override { return files_.front().columns; }

  Json row(size_t index) const override {
    const auto [file, group, offset] = find(index);
    return guard(files_[file].path, [&] { return row_of(*decoded(file, group), static_cast<int64_t>(offset)); });
  }

  void for_each(const std::vector<std::string>& columns,
                const std::function<void(size_t index, Json row)>& visit) const override {
    for (const File& file : files_) {
      for (const std::string& name : columns) check_column(file, name);
      const std::vector<int> leaves = leaves_of(*file.metadata, columns);
      size_t index = file.first_row;
      for (int group = 0; group < static_cast<int>(file.group_ends.size()); ++group) {
        const auto batch = guard(file.path, [&] { return decode(file, group, leaves); });
        for (int64_t i = 0; i < batch->num_rows(); ++i, ++index)
          visit(index, guard(file.path, [&] { return row_of(*batch, i); }));
      }
    }
  }

  std::string where(size_t index) const override {
    const File& file = files_[std::get<0>(find(index))];
    return fmt::format("{}, row {}", file.path.string(), index - file.first_row);
  }

  std::vector<size_t> row_group_sizes() const override {
    std::vector<size_t> sizes;
    for (const File& file : files_) {
      size_t begin = 0;
      for (const size_t end : file.group_ends) sizes.push_back(end - std::exchange(begin, end));
    }
    return sizes;
  }

  std::string compression() const override {
    const auto& metadata = *files_.front().metadata;
    if (metadata.num_row_groups() == 0 || metadata.num_columns() == 0) return "uncompressed";
    return arrow::util::Codec::GetCodecAsString(metadata.RowGroup(0)->ColumnChunk(0)->compression());
  }

 private:
  using Batch = std::shared_ptr<const arrow::RecordBatch>;
  struct Kept {
    size_t file;
    int group;
    Batch batch;
    uint64_t num_bytes;
  };

  File open_file(const fs::path& path) {
    if (!fs::is_regular_file(path)) fail(ErrorCategory::NotFound, "{}: no such file", path.string());
    File file{.path = path, .file = {}, .metadata = {}, .columns = {}, .leaves = {}, .first_row = 0, .group_ends = {}};
    file.file = value_or_fail(arrow::io::ReadableFile::Open(path.string()));
    parquet::ReaderProperties properties(&pool_);
    file.metadata = parquet::ParquetFileReader::Open(file.file, properties)->metadata();
    std::shared_ptr<arrow::Schema> schema;
    check(parquet::arrow::FromParquetSchema(file.metadata->schema(), arrow_properties(),
                                            file.metadata->key_value_metadata(), &schema));
    for (const auto& field : schema->fields()) {
      const bool is_read = options_.columns.empty() || std::find(options_.columns.begin(), options_.columns.end(),
                                                                 field->name()) != options_.columns.end();
      if (is_read) file.columns.push_back({field->name(), type_text(*field->type())});
    }
    for (const std::string& name : options_.columns) {
      const auto has_name = [&](const auto& field) { return field->name() == name; };
      if (std::none_of(schema->fields().begin(), schema->fields().end(), has_name))
        fail(ErrorCategory::BadData, "has no column '{}', but {}", name, fmt::join(schema->field_names(), ", "));
    }
    file.leaves = leaves_of(*file.metadata, names_of(file.columns));
    size_t end = 0;
    for (int i = 0; i < file.metadata->num_row_groups(); ++i) {
      const int64_t num_rows = file.metadata->RowGroup(i)->num_rows();
      if (num_rows < 0 || num_rows > std::numeric_limits<int32_t>::max())
        fail(ErrorCategory::BadData, "row group {} claims to have {} rows", i, num_rows);
      file.group_ends.push_back(end += static_cast<size_t>(num_rows));
    }
    return file;
  }

  static void check_column(const File& file, const std::string& name) {
    const auto has_name = [&](const TableColumn& column) { return column.name == name; };
    if (std::none_of(file.columns.begin(), file.columns.end(), has_name)) {
      fail(ErrorCategory::BadData, "{}: has no column '{}', but {}", file.path.string(), name,
           fmt::join(names_of(file.columns), ", "));
    }
  }

  // File, row group, and row within that.
  std::tuple<size_t, int, size_t> find(size_t index) const {
    if (index >= size_)
      fail(ErrorCategory::InvalidArgument, "row {} was asked for, but the table has {}", index, size_);
    const auto file = std::prev(std::upper_bound(files_.begin(), files_.end(), index,
                                                 [](size_t value, const File& f) { return value < f.first_row; }));
    const size_t row = index - file->first_row;
    const auto group = std::upper_bound(file->group_ends.begin(), file->group_ends.end(), row);
    const size_t begin = group == file->group_ends.begin() ? 0 : *std::prev(group);
    return {file - files_.begin(), static_cast<int>(group - file->group_ends.begin()), row - begin};
  }

  Batch decode(const File& file, int group, const std::vector<int>& leaves) const {
    parquet::ReaderProperties properties(&pool_);
    std::unique_ptr<parquet::arrow::FileReader> reader = value_or_fail(parquet::arrow::FileReader::Make(
        &pool_, parquet::ParquetFileReader::Open(file.file, properties, file.metadata), arrow_properties()));
    const auto table = value_or_fail(reader->ReadRowGroup(group, leaves));
    const Batch batch = value_or_fail(table->CombineChunksToBatch(&pool_));
    check(batch->ValidateFull());
    const size_t begin = group == 0 ? 0 : file.group_ends[static_cast<size_t>(group) - 1];
    if (static_cast<size_t>(batch->num_rows()) != file.group_ends[static_cast<size_t>(group)] - begin)
      fail(ErrorCategory::BadData, "row group {} has {} rows, and claims to have more or fewer", group,
           batch->num_rows());
    return batch;
  }

  // The row groups that were used last are kept.
  Batch decoded(size_t file, int group) const {
    {
      std::lock_guard lock(mutex_);
      for (auto it = kept_.begin(); it != kept_.end(); ++it) {
        if (it->file != file || it->group != group) continue;
        kept_.splice(kept_.begin(), kept_, it);
        return it->batch;
      }
    }
    Kept kept{.file = file, .group = group, .batch = decode(files_[file], group, files_[file].leaves), .num_bytes = 0};
    for (const auto& column : kept.batch->columns()) kept.num_bytes += num_bytes(*column->data());
    std::lock_guard lock(mutex_);
    const Batch batch = kept.batch;
    kept_bytes_ += kept.num_bytes;
    kept_.push_front(std::move(kept));
    while (kept_.size() > 1 && kept_bytes_ > options_.cache_bytes) {
      kept_bytes_ -= kept_.back().num_bytes;
      kept_.pop_back();
    }
    return batch;
  }

  static uint64_t num_bytes(const arrow::ArrayData& data) {
    uint64_t sum = 0;
    for (const auto& buffer : data.buffers) sum += buffer ? static_cast<uint64_t>(buffer->capacity()) : 0;
    for (const auto& child : data.child_data) sum += num_bytes(*child);
    return sum;
  }

  static Json row_of(const arrow::RecordBatch& batch, int64_t index) {
    Json row = Json::object();
    for (int i = 0; i < batch.num_columns(); ++i) row[batch.column_name(i)] = value_of(*batch.column(i), index);
    return row;
  }

  const ParquetOptions options_;
  mutable arrow::ProxyMemoryPool counting_pool_;  // what this table alone has allocated
  mutable arrow::CappedMemoryPool pool_;
  std::vector<File> files_;
  size_t size_ = 0;
  mutable std::mutex mutex_;
  mutable std::list<Kept> kept_;  // the last used first
  mutable uint64_t kept_bytes_ = 0;
};

constexpr std::array<std::string_view, 6> kSplits = {"train", "validation", "val", "test", "testmini", "dev"};

// The split that a file's name begins with: "train" of "train-00000-of-00002.parquet".
std::string_view split_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  for (const std::string_view split : kSplits) {
    if (stem == split || (stem.starts_with(split) && (stem[split.size()] == '-' || stem[split.size()] == '_')))
      return split;
  }
  return "";
}

// Parquet files of a folder by split; files of no split under "".
std::vector<std::pair<std::string_view, fs::path>> list_files(const fs::path& path) {
  std::vector<std::pair<std::string_view, fs::path>> files;
  for (const fs::path& folder : {path, path / "data"}) {
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".parquet" && entry.is_regular_file())
        files.emplace_back(split_of(entry.path()), entry.path());
    }
    if (!files.empty()) break;
  }
  std::sort(files.begin(), files.end());
  const bool has_splits = std::any_of(files.begin(), files.end(), [](const auto& file) { return !file.first.empty(); });
  if (!has_splits) {
    for (auto& file : files) file.first = "train";
  }
  return files;
}

}  // namespace

std::shared_ptr<const ParquetTable> ParquetTable::open(const std::vector<fs::path>& files,
                                                       const ParquetOptions& options) {
  if (files.empty()) fail(ErrorCategory::InvalidArgument, "a table needs at least one parquet file");
  return std::make_shared<Table>(files, options);
}

bool ParquetTable::has_column(std::string_view name) const {
  return std::any_of(columns().begin(), columns().end(),
                     [&](const TableColumn& column) { return column.name == name; });
}

std::vector<fs::path> find_parquet_files(const fs::path& path, std::string_view split) {
  if (fs::is_regular_file(path)) return {path};
  if (!fs::exists(path)) fail(ErrorCategory::NotFound, "{}: no such file or folder", path.string());
  const auto all = list_files(path);
  if (all.empty()) fail(ErrorCategory::NotFound, "{}: no parquet files here or in its folder 'data'", path.string());
  std::vector<fs::path> files;
  std::vector<std::string_view> splits;
  for (const auto& [file_split, file] : all) {
    if (file_split == split) files.push_back(file);
    if (!file_split.empty() && std::find(splits.begin(), splits.end(), file_split) == splits.end())
      splits.push_back(file_split);
  }
  if (files.empty()) {
    fail(ErrorCategory::NotFound, "{}: has no split '{}', but {}", path.string(), split, fmt::join(splits, ", "));
  }
  return files;
}

bool has_parquet_split(const fs::path& path, std::string_view split) {
  if (fs::is_regular_file(path)) return split == "train";
  if (!fs::exists(path)) return false;
  const auto files = list_files(path);
  return std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.first == split; });
}

}  // namespace molmo::data
