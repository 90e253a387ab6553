// PixMo-Points: where things are in pictures, also many of them, and things that are not there.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {

Json point_pairs(const Json& points, std::string_view where) {
  if (!points.is_array())
    fail(ErrorCategory::BadData, "{}: 'points' is {}, expected a list", where, points.type_name());
  Json pairs = Json::array();
  for (const Json& point : points) {
    const auto coordinate = [&](const char* name) {
      if (!point.is_object() || !point.contains(name) || !point[name].is_number())
        fail(ErrorCategory::BadData, "{}: a point is {}, expected numbers x and y", where, dump_json(point));
      return point[name].get<double>();
    };
    pairs.push_back({coordinate("x"), coordinate("y")});
  }
  return pairs;
}

Json pixmo_points_example(const Row& record, std::string_view style) {
  const std::vector<std::string> labels = record.texts("label");
  const std::vector<Json> points = record.list("points");
  if (labels.size() != points.size())
    fail(ErrorCategory::BadData, "{}: {} labels, but {} lists of points", record.where(), labels.size(), points.size());
  Json list = Json::array();
  for (size_t i = 0; i < labels.size(); ++i) {
    list.push_back({{"label", labels[i]},
                    {"points", point_pairs(points[i], record.where())},
                    {"point_scale", 100},
                    {"style", style}});
  }
  return {{"message_list", list}, {"metadata", {{"image_url", record.text("image_url")}}}};
}

namespace {

namespace fs = std::filesystem;

const std::vector<std::string_view> kSettings = {"hold_out"};

// Addresses of the pictures of PixMo-Points-Eval, which training leaves out: of the folder in the setting "hold_out",
// else of `pixmo-points-eval` beside the set.
std::unordered_set<std::string> held_out_urls(const DatasetSource& source) {
  std::unordered_set<std::string> urls;
  const std::string setting = pixmo_setting(source, "hold_out", kSettings);
  if (setting == "none") return urls;
  const fs::path folder = setting.empty() ? set_folder(source).parent_path() / "pixmo-points-eval" : fs::path(setting);
  if (setting.empty() && !fs::exists(folder)) {
    log_info(
        "{}: there is no {}, so that pictures of PixMo-Points-Eval stay in the training data. Name its folder by "
        "hold_out=DIR, or say hold_out=none.",
        source.name, folder.string());
    return urls;
  }
  const auto table = ParquetTable::open(find_parquet_files(folder, "test"), {.columns = {"image_url"}});
  table->for_each({"image_url"},
                  [&](size_t index, const Json& row) { urls.insert(Row(row, table->where(index)).text("image_url")); });
  return urls;
}

}  // namespace

std::shared_ptr<const Dataset> open_pixmo_points(const DatasetSource& source) {
  // What was collected by asking for counts has many points a picture: "high frequency".
  const bool is_high_frequency = source.name.find("high_freq") != std::string::npos;
  const bool is_named_counting = source.name.ends_with("counting");
  // The reference gives the sets that are called "counting" the style "pointing", and the other way round.
  const bool is_counting = (source.quirks == config::Quirks::Reference) != is_named_counting;
  const RecordOptions options{
      .columns = {"points", "label"},
      .is_grouped = true,
      .num_validation = 2048,
      .filter_column = "collection_method",
      .keeps = [wanted = is_high_frequency ? "counting" : "pointing"](const Json& method) { return method == wanted; },
      .left_out_urls = held_out_urls(source),
      .settings = kSettings};
  const auto records = PixmoRecords::open(source, options);
  const std::string style = is_counting ? "point_count" : "pointing";
  return make_dataset(source, records->size(), [=](size_t index) {
    const PixmoRecord record = records->record(index);
    return make_example(pixmo_points_example(Row(record.columns, record.where), style), record.id,
                        {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
