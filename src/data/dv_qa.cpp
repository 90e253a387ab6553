// DVQA: questions about drawn bar charts.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/grouped_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json dv_qa_example(const Row& row) {
  return {{"message_list", grouped_questions(row, "dv_qa")}, {"metadata", {{"image_id", row.value("image_id")}}}};
}

std::shared_ptr<const Dataset> open_dv_qa(const DatasetSource& source) {
  const std::string split =
      split_file(source, {{"train", "train"}, {"val_easy", "val_easy"}, {"val_hard", "val_hard"}});
  const auto rows = std::make_shared<const GroupedRows>(
      JsonRows::of_array(find_file(source.path, {split + "_qa.json"})), GroupedColumns{.picture = "image"});
  const std::filesystem::path pictures = source.path / "images";
  return make_dataset(source, rows->size(), [=](size_t index) {
    Json columns = rows->picture(index);
    const Row row(columns, rows->where(index));
    const std::string image = row.text("image");
    columns["image_id"] = image;
    return make_example(dv_qa_example(row), image, {find_picture(pictures, image, row.where())}, row.where());
  });
}

}  // namespace molmo::data
