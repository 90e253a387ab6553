// PixMo-Count: how many of a thing are in a picture, found by a detector, with points in pixels.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {
namespace {

// A coordinate as the published float32 has it.
Json coordinate(const Json& value, std::string_view where) {
  if (!value.is_number())
    fail(ErrorCategory::BadData, "{}: a coordinate is {}, expected a number", where, dump_json(value));
  return static_cast<double>(value.get<float>());
}

Json pixel_points(const Row& row) {
  const Row points(row.value("points"), row.where() + ", points");
  const std::vector<Json> x = points.list("x"), y = points.list("y");
  if (x.size() != y.size())
    fail(ErrorCategory::BadData, "{}: {} x coordinates, but {} of y", points.where(), x.size(), y.size());
  Json pairs = Json::array();
  for (size_t i = 0; i < x.size(); ++i)
    pairs.push_back({coordinate(x[i], points.where()), coordinate(y[i], points.where())});
  return pairs;
}

}  // namespace

Json pixmo_count_example(const Row& row, std::string_view style, bool has_points) {
  Json fields = {{"style", style},
                 {"label", row.text("label")},
                 {"metadata", {{"image_url", row.text("image_url")}, {"count", row.integer("count")}}}};
  if (has_points) fields["points"] = pixel_points(row);
  return fields;
}

std::shared_ptr<const Dataset> open_pixmo_count(const DatasetSource& source) {
  const bool is_training = source.split == "train";
  RecordOptions options{.columns = {"count", "label"}};
  if (is_training) options.columns.emplace_back("points");
  const auto records = PixmoRecords::open(source, options);
  const std::string style = source.name.ends_with("counting") ? "point_count" : "pointing";
  return make_dataset(source, records->size(), [=](size_t index) {
    const PixmoRecord record = records->record(index);
    const Json fields = pixmo_count_example(Row(record.columns, record.where), style, is_training);
    Example example = make_example(fields, record.id, {{.file = record.picture}}, record.where);
    example.text.annotations.front().point_precision = text::PointPrecision::F32;
    return example;
  });
}

}  // namespace molmo::data
