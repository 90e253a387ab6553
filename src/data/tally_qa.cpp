// TallyQA: how many of a thing are in pictures of COCO and Visual Genome.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/grouped_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json tally_qa_example(const Row& row) {
  return {{"message_list", grouped_questions(row, "tally_qa")}, {"metadata", {{"image_id", row.value("image_id")}}}};
}

std::shared_ptr<const Dataset> open_tally_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"test", "test"}});
  const auto rows = std::make_shared<const GroupedRows>(JsonRows::of_array(find_file(source.path, {split + ".json"})),
                                                        GroupedColumns{.picture = "image"});
  const std::filesystem::path folder = source.path;
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->picture(index);
    const Row row(columns, rows->where(index));
    const std::string image = row.text("image");  // "train2014/COCO_train2014_000000000009.jpg", "VG_100K/2.jpg"
    return make_example(tally_qa_example(row), image, {find_picture(folder, image, row.where())}, row.where());
  });
}

}  // namespace molmo::data
