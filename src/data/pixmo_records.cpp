#include "data/pixmo_records.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "data/row.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostValidationShare = 10;  // a tenth: of a small part of a set, some must remain for training

uint64_t to_count(const std::string& text, const DatasetSource& source) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail(ErrorCategory::InvalidArgument, "{}: validation={}, expected a whole number", source.name, text);
  return value;
}

// Rows by record while the table is read through.
struct Scan {
  std::vector<std::vector<uint32_t>> rows;
  std::vector<uint64_t> keys;                              // the first digits of the name of the record's picture
  std::unordered_map<std::string, int64_t> record_of_url;  // -1: the picture is not there
  uint64_t num_missing = 0;
  uint64_t num_rows = 0;
};

uint64_t key_of(std::string_view url) {
  uint64_t key = 0;
  const std::string name = url_file_name(url);
  std::from_chars(name.data(), name.data() + 16, key, 16);
  return key;
}

Scan scan(const ParquetTable& table, const PictureFolder& pictures, const RecordOptions& options) {
  Scan scan;
  std::vector<std::string> columns = {"image_url"};
  if (!options.filter_column.empty()) columns.push_back(options.filter_column);
  table.for_each(columns, [&](size_t index, const Json& row) {
    if (!options.filter_column.empty() && !options.keeps(row.at(options.filter_column))) return;
    ++scan.num_rows;
    const Json& address = row.at("image_url");
    if (!address.is_string())
      fail(ErrorCategory::BadData, "{}: 'image_url' is {}, expected a text", table.where(index), address.type_name());
    const auto& url = address.get_ref<const std::string&>();
    if (options.left_out_urls.contains(url)) return;
    const auto [found, is_new] = scan.record_of_url.try_emplace(url, -1);
    if (is_new && pictures.find(url)) found->second = static_cast<int64_t>(scan.rows.size());
    if (found->second < 0) {
      ++scan.num_missing;
      return;
    }
    const bool begins_record = !options.is_grouped || static_cast<size_t>(found->second) == scan.rows.size();
    if (begins_record) {
      scan.rows.emplace_back();
      scan.keys.push_back(key_of(url));
    }
    scan.rows[options.is_grouped ? static_cast<size_t>(found->second) : scan.rows.size() - 1].push_back(
        static_cast<uint32_t>(index));
  });
  return scan;
}

// Keeps the records of one side. All records of a picture are on the same one.
void split(Scan& scan, uint64_t num_validation, bool is_validation) {
  uint64_t last_key = 0;
  if (num_validation > 0) {
    std::vector<uint64_t> keys = scan.keys;
    std::nth_element(keys.begin(), keys.begin() + static_cast<int64_t>(num_validation) - 1, keys.end());
    last_key = keys[num_validation - 1];
  }
  size_t num_kept = 0;
  for (size_t i = 0; i < scan.rows.size(); ++i) {
    const bool is_held_out = num_validation > 0 && scan.keys[i] <= last_key;
    if (is_held_out == is_validation) std::swap(scan.rows[num_kept++], scan.rows[i]);
  }
  scan.rows.resize(num_kept);
}

}  // namespace

fs::path set_folder(const DatasetSource& source) {
  fs::path folder = fs::is_regular_file(source.path) ? source.path.parent_path() : source.path;
  if (!folder.has_filename()) folder = folder.parent_path();  // a slash at the end
  return folder.filename() == "data" ? folder.parent_path() : folder;
}

std::shared_ptr<const PixmoRecords> PixmoRecords::open(const DatasetSource& source, const RecordOptions& options) {
  const std::string images = pixmo_setting(source, "images", options.settings);
  const std::string held_out = pixmo_setting(source, "validation", options.settings);
  const bool is_carved = options.num_validation > 0 && !has_parquet_split(source.path, "validation") &&
                         (source.split == "train" || source.split == "validation");
  std::vector<std::string> columns = {"image_url"};
  columns.insert(columns.end(), options.columns.begin(), options.columns.end());
  if (!options.filter_column.empty() && std::ranges::find(columns, options.filter_column) == columns.end())
    columns.push_back(options.filter_column);
  auto table = ParquetTable::open(find_parquet_files(source.path, is_carved ? "train" : source.split),
                                  {.columns = std::move(columns)});
  const fs::path folder = set_folder(source);
  PictureFolder pictures(images.empty() ? folder / "images" : fs::path(images), folder);
  Scan found = scan(*table, pictures, options);
  if (found.num_missing > 0) {
    log_info("{}: the pictures of {} of {} rows are not in {} and are left out. `molmo data fetch` downloads them.",
             source.name, found.num_missing, found.num_rows,
             (images.empty() ? folder / "images" : fs::path(images)).string());
  }
  if (is_carved) {
    const uint64_t most = found.rows.size();
    split(found,
          held_out.empty() ? std::min(options.num_validation, most / kMostValidationShare)
                           : std::min(to_count(held_out, source), most),
          source.split == "validation");
  }
  std::shared_ptr<PixmoRecords> records(new PixmoRecords(std::move(table), std::move(pictures), options.is_grouped));
  for (const auto& rows : found.rows) {
    records->rows_.insert(records->rows_.end(), rows.begin(), rows.end());
    records->begins_.push_back(static_cast<uint32_t>(records->rows_.size()));
  }
  return records;
}

PixmoRecord PixmoRecords::record(size_t index) const {
  const std::span<const uint32_t> numbers(rows_.data() + begins_[index], rows_.data() + begins_[index + 1]);
  std::vector<Json> rows;
  for (const uint32_t number : numbers) rows.push_back(table_->row(number));
  PixmoRecord record{.columns = {}, .picture = {}, .where = table_->where(numbers.front()), .id = {}};
  record.id = Row(rows.front(), record.where).text("image_url");
  const auto picture = pictures_.find(record.id);
  if (!picture) fail(ErrorCategory::NotFound, "{}: its picture is gone", record.where);
  record.picture = *picture;
  if (is_grouped_) {
    record.columns = group_rows(rows, picture->string(), /*hashes_were_checked=*/true);
  } else {
    record.id += "#" + std::to_string(numbers.front());
    record.columns = std::move(rows.front());
  }
  return record;
}

std::string pixmo_setting(const DatasetSource& source, std::string_view key,
                          const std::vector<std::string_view>& more) {
  std::vector<std::string_view> known = {"images", "validation"};
  known.insert(known.end(), more.begin(), more.end());
  return source_option(source, key, known);
}

}  // namespace molmo::data
