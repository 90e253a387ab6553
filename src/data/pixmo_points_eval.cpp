// PixMo-Points-Eval: the benchmark of pointing, with a mask for each point.
#include <nlohmann/json.hpp>

#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {

Json pixmo_points_eval_example(const Row& row) {
  const Json points = point_pairs(row.value("points"), row.where());
  Json metadata = {{"points", points}, {"image_url", row.text("image_url")}};
  if (row.has("masks")) metadata["masks"] = row.list("masks");  // each a list of rows, texts of 0s and 1s
  return {{"label", row.text("label")},
          {"points", points},
          {"point_scale", 100},
          {"style", "pointing"},
          {"metadata", metadata}};
}

std::shared_ptr<const Dataset> open_pixmo_points_eval(const DatasetSource& source) {
  const auto records = PixmoRecords::open(source, {.columns = {"label", "points", "masks"}});
  return make_dataset(source, records->size(), [=](size_t index) {
    const PixmoRecord record = records->record(index);
    return make_example(pixmo_points_eval_example(Row(record.columns, record.where)), record.id,
                        {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
