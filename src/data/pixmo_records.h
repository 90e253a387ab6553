// The records of a set of PixMo whose pictures were downloaded: rows that are there, grouped by picture, of one split.
//   auto records = PixmoRecords::open(source, {.columns = {"question", "answer"}, .is_grouped = true});
//   const PixmoRecord record = records->record(7);
// The tables are read through once, for the addresses of the pictures; a record is read when it is asked for.
// Where a set was published without a validation part, one is held out of the training data, as the reference does with
// its data library: here the pictures with the lowest file names (SHA-256 of the address), so that a picture is on the
// same side in every set, and stays there when more pictures were downloaded.
// Settings of every such set: "images=DIR" (pictures that several sets share), "validation=N" (records held out).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "data/parquet.h"
#include "data/pixmo.h"
#include "data/registry.h"

namespace molmo::data {

struct RecordOptions {
  std::vector<std::string> columns = {};  // besides image_url
  bool is_grouped = false;                // one record for all rows of a picture
  uint64_t num_validation = 0;            // that the reference holds out; at most a tenth of all; 0: the set has files
  std::string filter_column = {};         // rows are kept
  std::function<bool(const Json&)> keeps{};  // where this holds for the value of that column
  std::unordered_set<std::string> left_out_urls = {};
  std::vector<std::string_view> settings = {};  // that the set has besides those above
};

struct PixmoRecord {
  Json columns;  // of the row; or of all rows, as group_rows() gives them
  std::filesystem::path picture;
  std::string where;
  std::string id;  // the address of the picture, and the number of the row where rows are not grouped
};

class PixmoRecords {
 public:
  // Throws NotFound for a split that is not there, InvalidArgument for an unknown setting, BadData for other columns.
  static std::shared_ptr<const PixmoRecords> open(const DatasetSource& source, const RecordOptions& options);

  size_t size() const { return begins_.size() - 1; }
  size_t num_rows(size_t index) const { return begins_[index + 1] - begins_[index]; }  // of a record
  PixmoRecord record(size_t index) const;

 private:
  PixmoRecords(std::shared_ptr<const ParquetTable> table, PictureFolder pictures, bool is_grouped)
      : table_(std::move(table)), pictures_(std::move(pictures)), is_grouped_(is_grouped) {}

  std::shared_ptr<const ParquetTable> table_;
  PictureFolder pictures_;
  bool is_grouped_;
  std::vector<uint32_t> rows_;          // of the table, record after record
  std::vector<uint32_t> begins_ = {0};  // of the records in `rows_`, and the end
};

// The folder of the set, whether its path names it, its folder `data`, or a file of it.
std::filesystem::path set_folder(const DatasetSource& source);

// The value of a setting that these sets have, or that is among `more`. Throws InvalidArgument for another one.
std::string pixmo_setting(const DatasetSource& source, std::string_view key, const std::vector<std::string_view>& more);

}  // namespace molmo::data
