// Files of own data: JSON lines, or a parquet table with the same fields (docs/data.md).
//   auto file = RecordFile::open("own.jsonl");   Json record = file->json(7);   // for parse_record() of data/jsonl.h
//   RecordWriter writer("own.parquet");   writer.add(record);   writer.commit();
// What a file is, its first bytes say; what is written, the ending. Const calls are thread-safe.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/parquet.h"

namespace molmo::data {

class RecordFile {
 public:
  // Throws NotFound; BadData for a damaged table, or one whose columns are not those of records.
  static std::shared_ptr<const RecordFile> open(const std::filesystem::path& path);
  virtual ~RecordFile() = default;

  virtual size_t size() const = 0;
  // Of lines, counted from 1; of rows of a table, from 0.
  virtual size_t number(size_t index) const = 0;
  virtual std::string where(size_t index) const = 0;  // "FILE, line 7"
  virtual Json json(size_t index) const = 0;
  // Of relative paths.
  const std::filesystem::path& folder() const { return folder_; }

 protected:
  explicit RecordFile(std::filesystem::path folder) : folder_(std::move(folder)) {}

 private:
  std::filesystem::path folder_;
};

bool is_parquet_file(const std::filesystem::path& path);

// The columns of a table of records. Fields that a record does not have are null.
const std::vector<TableColumn>& record_columns();

class RecordWriter {
 public:
  // Throws InvalidArgument unless the ending is .jsonl or .parquet.
  explicit RecordWriter(const std::filesystem::path& path);
  ~RecordWriter();  // without commit() nothing is left behind
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void add(const Json& record);
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::data
