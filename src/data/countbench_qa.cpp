// CountBenchQA: how many of a thing are in a picture; the pictures and counts of CountBench with PaliGemma's questions.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/json_rows.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {

Json countbench_qa_example(const Row& row) {
  return {{"question", row.text("question")},
          {"style", "point_count"},
          {"metadata",
           {{"count", row.integer("count")},
            {"image_id", row.integer("example_id")},
            {"image_url", row.value("image_url")}}}};
}

std::shared_ptr<const Dataset> open_countbench_qa(const DatasetSource& source) {
  split_file(source, {{"test", "test"}});
  const auto questions = std::make_shared<const JsonRows>(
      JsonRows::of_array(find_file(source.path, {"countbench_paired_questions.json"})));
  const auto table =
      ParquetTable::open(find_parquet_files(source.path, "train"), {.columns = {"image", "number", "image_url"}});
  if (questions->size() != table->size()) {
    fail(ErrorCategory::BadData, "{}: {} questions, but {} pictures in the table: they belong together by their number",
         source.path.string(), questions->size(), table->size());
  }
  std::vector<size_t> rows;  // some have no picture, and one a picture without colours, which the reference leaves out
  table->for_each({"image"}, [&](size_t index, const Json& columns) {
    const auto picture = carried_picture(Row(columns, table->where(index)), "image");
    if (picture && !has_one_channel(*picture->bytes)) rows.push_back(index);
  });
  return make_dataset(source, rows.size(), [=](size_t index) {
    const size_t number = rows[index];
    Json columns = table->row(number);
    const Json question = questions->row(number);
    columns["question"] = Row(question, questions->where(number)).text("question");
    const Row row(columns, table->where(number));
    columns["count"] = row.integer("number");
    columns["example_id"] = number;
    return make_example(countbench_qa_example(row), std::to_string(number), {required_picture(row, "image")},
                        row.where());
  });
}

}  // namespace molmo::data
