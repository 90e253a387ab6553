// InfographicVQA: questions about infographics.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/json_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json info_qa_example(const Row& row) {
  Json fields = {{"question", row.text("question")}};
  fields["answers"] = row.has("answers") ? Json(row.texts("answers")) : Json::array();
  fields["metadata"] = {{"example_id", row.value("questionId")}};
  fields["style"] = "info_qa";
  return fields;
}

std::shared_ptr<const Dataset> open_info_qa(const DatasetSource& source) {
  const std::string split =
      split_file(source, {{"train", "train_v1.0"}, {"validation", "val_v1.0_withQT"}, {"test", "test_v1.0"}});
  // The training file has been published under both names.
  const auto file = find_file(source.path, {"infographicsVQA_" + split + ".json", "infographicVQA_" + split + ".json"});
  const auto rows = std::make_shared<const JsonRows>(JsonRows::of_array(file, "data"));
  const auto pictures = find_file(source.path, {"images", "infographicsvqa_images"});
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->row(index);
    const Row row(columns, rows->where(index));
    return make_example(info_qa_example(row), row.id("questionId"),
                        {find_picture(pictures, row.text("image_local_name"), row.where())}, row.where());
  });
}

}  // namespace molmo::data
