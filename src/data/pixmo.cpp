#include "data/pixmo.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/sha256.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

using Columns = std::vector<TableColumn>;

// Dataset cards of the hub; lists of point-explanations and messages of cap-qa as the reference reads them.
const std::map<std::string, Columns, std::less<>>& tables() {
  static const std::map<std::string, Columns, std::less<>> kTables = {
      {"pixmo-cap", {{"image_url", "string"}, {"caption", "string"}, {"transcripts", "list<item: string>"}}},
      {"pixmo-cap-qa",
       {{"image_url", "string"}, {"question", "string"}, {"answer", "string"}, {"messages", "list<item: string>"}}},
      {"pixmo-ask-model-anything",
       {{"image_url", "string"}, {"image_sha256", "string"}, {"question", "string"}, {"answer", "string"}}},
      {"pixmo-points",
       {{"image_url", "string"},
        {"image_sha256", "string"},
        {"points", "list<item: struct<x: double, y: double>>"},
        {"count", "int64"},
        {"label", "string"},
        {"collection_method", "string"}}},
      {"pixmo-point-explanations",
       {{"image_url", "string"},
        {"image_sha256", "string"},
        {"question", "string"},
        {"response", "string"},
        {"parsed_response", "string"},
        {"alt_text", "list<item: string>"},
        {"inline_text", "list<item: string>"},
        {"points", "list<item: list<item: list<item: double>>>"}}},
      {"pixmo-docs",
       {{"image", "struct<bytes: binary, path: string>"},
        {"image_id", "string"},
        {"questions", "struct<question: list<item: string>, answer: list<item: string>>"}}},
      {"pixmo-clocks",
       {{"example_id", "string"},
        {"watchface_id", "string"},
        {"watchface_name", "string"},
        {"watch_time", "string"},
        {"time_format", "string"},
        {"shows_seconds", "bool"},
        {"hour_visible", "int32"},
        {"minute_visible", "int32"},
        {"second_visible", "int32"},
        {"text", "string"}}},
      {"pixmo-count",
       {{"image_url", "string"},
        {"image_sha256", "string"},
        {"count", "int32"},
        {"points", "struct<x: list<item: float>, y: list<item: float>>"},
        {"label", "string"}}},
      {"pixmo-points-eval",
       {{"image_url", "string"},
        {"image_sha256", "string"},
        {"label", "string"},
        {"points", "list<item: struct<x: double, y: double>>"},
        {"masks", "list<item: list<item: list<item: bool>>>"}}}};
  return kTables;
}

// Files below one folder of a set, as paths relative to it.
bool leads_out(const fs::path& path) {
  if (path.is_absolute()) return true;
  for (const fs::path& part : path) {
    if (part == "..") return true;
  }
  return false;
}

}  // namespace

const std::vector<TableColumn>& pixmo_columns(std::string_view table) {
  const auto found = tables().find(table);
  if (found == tables().end()) fail(ErrorCategory::InvalidArgument, "there is no table '{}' in PixMo", table);
  return found->second;
}

std::string url_file_name(std::string_view url) {
  return sha256_hex(url);
}

PictureFolder::PictureFolder(fs::path images, fs::path set_folder)
    : images_(std::move(images)), set_folder_(std::move(set_folder)) {
  if (!fs::is_directory(images_)) return;
  for (const auto& entry : fs::directory_iterator(images_)) names_.insert(entry.path().filename().string());
}

std::optional<fs::path> PictureFolder::find(std::string_view url) const {
  if (url.find("://") == std::string_view::npos) {
    const fs::path path(url);
    if (url.empty() || url.find('\0') != std::string_view::npos || leads_out(path)) return std::nullopt;
    fs::path file = set_folder_ / path;
    std::error_code error;
    if (!fs::is_regular_file(file, error)) return std::nullopt;
    return file;
  }
  return named(url_file_name(url));
}

std::optional<fs::path> PictureFolder::named(const std::string& name) const {
  if (!names_.contains(name)) return std::nullopt;
  return images_ / name;
}

Json group_rows(std::span<const Json> rows, std::string_view image, bool hashes_were_checked) {
  check_internal(!rows.empty(), "a picture without rows");
  Json record = Json::object();
  record["image_url"] = rows.front().at("image_url");
  record["image"] = image;
  if (rows.front().contains("image_sha256") && !hashes_were_checked) {
    for (const Json& row : rows) {
      if (row.at("image_sha256") != rows.front()["image_sha256"]) {
        fail(ErrorCategory::BadData, "rows of {} disagree on the picture's hash: {} and {}",
             dump_json(record["image_url"]), dump_json(rows.front()["image_sha256"]), dump_json(row["image_sha256"]));
      }
    }
    record["original_sha256"] = rows.front()["image_sha256"];
  }
  for (const Json& row : rows) {
    for (const auto& [key, value] : row.items()) {
      if (key == "image_url" || key == "image_sha256") continue;
      Json& list = record[key];
      if (list.is_null()) list = Json::array();
      list.push_back(value);
    }
  }
  return record;
}

}  // namespace molmo::data
