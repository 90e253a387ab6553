// Parquet tables as rows of JSON, through Arrow.
//   auto table = ParquetTable::open({"train-00000-of-00002.parquet", "train-00001-of-00002.parquet"});
//   Json row = table->row(7);                       // {"image_url": "...", "points": [{"x": 1.5, "y": 2.0}], ...}
//   ParquetWriter writer("train.parquet", pixmo_columns("pixmo-cap"));
//   writer.add(row);  writer.commit();
// Values: null, true/false, whole numbers, reals (a float32 becomes the shortest decimal that rounds to it), texts,
// bytes (Json::binary), lists, structs as objects; a list of booleans is one text of 0s and 1s, because masks are
// large. Files are hostile: Arrow checks sizes and offsets, every table is validated before it is used, memory is
// limited, and whatever goes wrong is a BadData that names the file. Arrow stays out of this header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace molmo::data {

// A column of a table and its type in Arrow's notation: "string", "bool", "int32", "int64", "float", "double",
// "binary", "list<item: T>", "struct<a: T, b: T>".
struct TableColumn {
  std::string name, type;
  bool operator==(const TableColumn&) const = default;
};

struct ParquetOptions {
  std::vector<std::string> columns = {};           // to read; empty: all
  uint64_t cache_bytes = uint64_t{256} << 20;      // decoded row groups that are kept
  uint64_t max_decoded_bytes = uint64_t{4} << 30;  // of one row group
};

class ParquetTable {
 public:
  // The files, one after the other, are one table. Throws NotFound, or BadData for a file that is no parquet file,
  // lacks a column that is asked for, or has another type of it than the first file.
  static std::shared_ptr<const ParquetTable> open(const std::vector<std::filesystem::path>& files,
                                                  const ParquetOptions& options = {});
  virtual ~ParquetTable() = default;

  virtual size_t size() const = 0;
  virtual const std::vector<TableColumn>& columns() const = 0;
  bool has_column(std::string_view name) const;

  // Decodes the row group that the row lies in, unless it is kept. Thread-safe.
  virtual Json row(size_t index) const = 0;
  // All rows in order, with these columns only; each row group is decoded once and not kept.
  virtual void for_each(const std::vector<std::string>& columns,
                        const std::function<void(size_t index, Json row)>& visit) const = 0;
  // "FILE, row 7", counted from 0 within its file: for errors.
  virtual std::string where(size_t index) const = 0;
  // Sizes of all row groups, file after file.
  virtual std::vector<size_t> row_group_sizes() const = 0;
  // Of the first file's pages: "snappy", "zstd", "gzip", "uncompressed", ...
  virtual std::string compression() const = 0;
};

struct ParquetWriterOptions {
  size_t max_group_rows = 1000;
  uint64_t max_group_bytes = uint64_t{32} << 20;  // of the values, about
};

// Writes the layout of the hub: snappy pages, small row groups, and the columns' features under the schema's metadata
// key `huggingface`; a column of type "struct<bytes: binary, path: string>" is a picture there.
class ParquetWriter {
 public:
  // Throws InvalidArgument for a type that is not in the notation above.
  ParquetWriter(std::filesystem::path path, const std::vector<TableColumn>& columns,
                const ParquetWriterOptions& options = {});
  ~ParquetWriter();  // without commit() nothing is left behind
  ParquetWriter(const ParquetWriter&) = delete;
  ParquetWriter& operator=(const ParquetWriter&) = delete;

  // An object with the columns as keys; what is missing is null. Throws BadData, naming row and column, for a value of
  // another type and for a key that is no column; after that nothing can be committed.
  void add(const Json& row);
  // Atomic: the file appears complete or not at all.
  void commit();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The parquet files below `path` that hold `split`: the file itself where it is one, else those whose names begin with
// the split ("train-00000-of-00005.parquet"), in the folder or its `data` folder, in order of their names; where no
// name begins with a split, all files are "train". Throws NotFound, saying which splits there are.
std::vector<std::filesystem::path> find_parquet_files(const std::filesystem::path& path, std::string_view split);
// Whether there is any.
bool has_parquet_split(const std::filesystem::path& path, std::string_view split);

}  // namespace molmo::data
