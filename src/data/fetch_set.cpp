#include "data/fetch_set.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/parquet.h"
#include "data/pixmo.h"
#include "data/row.h"

namespace molmo::data {
namespace {

void check_names_pictures(const DatasetEntry& set) {
  if (set.table == "pixmo-docs") {
    fail(ErrorCategory::InvalidArgument,
         "{}: its tables carry the pictures, nothing is to be fetched. Open it as it is.", set.name);
  }
  if (set.table == "pixmo-clocks") {
    fail(ErrorCategory::InvalidArgument, "{}: the hub publishes no pictures of it. `molmo synth clocks` draws some.",
         set.name);
  }
  if (set.table.empty()) {
    fail(ErrorCategory::InvalidArgument,
         "{}: its files name no addresses of pictures. They come with the set, from {}, see docs/data-academic.md",
         set.name, set.origin);
  }
}

std::string text_or_nothing(const Row& row, const std::string& column) {
  return !column.empty() && row.has(column) ? row.text(column) : "";
}

}  // namespace

FetchSet read_fetch_set(const DatasetEntry& set, const std::filesystem::path& path) {
  check_names_pictures(set);
  std::vector<std::filesystem::path> files;
  for (const char* split : {"train", "validation", "test"}) {
    if (!has_parquet_split(path, split)) continue;
    const auto of_split = find_parquet_files(path, split);
    files.insert(files.end(), of_split.begin(), of_split.end());
  }
  if (files.empty()) files = find_parquet_files(path, "train");  // says what is missing
  FetchSet result;
  for (const std::filesystem::path& file : files) {
    const auto table = ParquetTable::open({file});
    const bool has_hashes = table->has_column("image_sha256") && set.table != "pixmo-count";
    result.has_hashes = result.has_hashes || has_hashes;
    std::string licence;
    for (const char* name : {"license", "licence"}) {
      if (table->has_column(name)) licence = name;
    }
    std::vector<std::string> columns = {"image_url"};
    if (has_hashes) columns.emplace_back("image_sha256");
    if (!licence.empty()) columns.push_back(licence);
    table->for_each(columns, [&](size_t index, const Json& values) {
      const Row row(values, table->where(index));
      ++result.num_rows;
      const std::string url = row.text("image_url");
      if (url.find("://") == std::string::npos) return;  // a file of the set
      result.list.add(url, text_or_nothing(row, has_hashes ? "image_sha256" : ""), text_or_nothing(row, licence));
    });
  }
  return result;
}

}  // namespace molmo::data
