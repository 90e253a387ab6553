// TextVQA: questions about the text in photographs of Open Images.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/json_rows.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {

Json text_vqa_example(const Row& row) {
  Json fields = {{"question", row.text("question")}};
  fields["answers"] = row.has("answers") ? Json(row.texts("answers")) : Json::array();
  fields["metadata"] = {{"image_url", row.value("flickr_300k_url")},
                        {"image_id", row.value("image_id")},
                        {"example_id", row.value("question_id")}};
  fields["style"] = "text_vqa";
  return fields;
}

namespace {

std::shared_ptr<const Dataset> open_json_files(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "val"}, {"test", "test"}});
  const auto rows = std::make_shared<const JsonRows>(
      JsonRows::of_array(find_file(source.path, {"TextVQA_0.5.1_" + split + ".json"}), "data"));
  const std::filesystem::path pictures = source.path / (split == "test" ? "test_images" : "train_images");
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->row(index);
    const Row row(columns, rows->where(index));
    return make_example(text_vqa_example(row), row.id("question_id"),
                        {find_picture(pictures, row.text("image_id") + ".jpg", row.where())}, row.where());
  });
}

}  // namespace

std::shared_ptr<const Dataset> open_text_vqa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "validation"}, {"test", "test"}});
  if (!has_parquet_split(source.path, split)) return open_json_files(source);
  const auto table =
      ParquetTable::open(find_parquet_files(source.path, split),
                         {.columns = {"image", "image_id", "question_id", "question", "answers", "flickr_300k_url"}});
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json columns = table->row(index);
    const Row row(columns, table->where(index));
    return make_example(text_vqa_example(row), row.id("question_id"), {required_picture(row, "image")}, row.where());
  });
}

}  // namespace molmo::data
