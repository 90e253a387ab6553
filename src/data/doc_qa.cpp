// DocVQA: questions about scanned documents.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/json_rows.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {

Json doc_qa_example(const Row& row) {
  Json fields = {{"question", row.text("question")}};
  fields["answers"] = row.has("answers") ? Json(row.texts("answers")) : Json::array();
  fields["metadata"] = {{"doc_id", row.value("docId")},
                        {"question_types", row.has("question_types") ? row.value("question_types") : Json::array()},
                        {"example_id", row.value("questionId")}};
  fields["style"] = "doc_qa";
  return fields;
}

namespace {

// As the challenge publishes it: a JSON file for each split, and pictures beside it.
std::shared_ptr<const Dataset> open_challenge_files(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "val"}, {"test", "test"}});
  const auto file = find_file(source.path, {split + "_v1.0_withQT.json", split + "_v1.0.json"});
  const auto rows = std::make_shared<const JsonRows>(JsonRows::of_array(file, "data"));
  const std::filesystem::path folder = source.path;
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->row(index);
    const Row row(columns, rows->where(index));
    return make_example(doc_qa_example(row), row.id("questionId"),
                        {find_picture(folder, row.text("image"), row.where())}, row.where());
  });
}

}  // namespace

std::shared_ptr<const Dataset> open_doc_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "validation"}, {"test", "test"}});
  if (!has_parquet_split(source.path, split)) return open_challenge_files(source);
  const auto table = ParquetTable::open(find_parquet_files(source.path, split));
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json columns = table->row(index);
    const Row row(columns, table->where(index));
    return make_example(doc_qa_example(row), row.id("questionId"), {required_picture(row, "image")}, row.where());
  });
}

}  // namespace molmo::data
