// A-OKVQA: questions about COCO pictures that need knowledge of the world, with options (mc) or ten answers (da).
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/json_rows.h"
#include "data/picture_file.h"
#include "data/vqa_files.h"

namespace molmo::data {

Json a_okvqa_example(const Row& row, bool is_direct_answer) {
  Json fields = {{"question", row.text("question")}};
  if (is_direct_answer) {
    if (row.has("answers")) fields["answers"] = row.texts("answers");
  } else {
    fields["options"] = row.texts("options");
    if (row.has("answer_idx")) fields["answer_idx"] = row.integer("answer_idx");
  }
  fields["metadata"] = row.value("metadata");
  fields["style"] = is_direct_answer ? "a_okvqa_da" : "a_okvqa_mc";
  return fields;
}

namespace {

// The columns that are published, in the names that the example takes.
Json a_okvqa_record(const Row& published, bool is_direct_answer) {
  Json record = {{"question", published.text("question")}};
  if (is_direct_answer) {
    if (published.has("direct_answers")) record["answers"] = published.texts("direct_answers");
  } else {
    record["options"] = published.texts("choices");
    if (published.has("correct_choice_idx")) record["answer_idx"] = published.integer("correct_choice_idx");
  }
  record["metadata"] = {{"example_id", published.value("question_id")}};
  return record;
}

}  // namespace

std::shared_ptr<const Dataset> open_a_okvqa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "val"}, {"test", "test"}});
  const bool is_direct_answer = source.name == "a_okvqa_da";
  const auto rows = std::make_shared<const JsonRows>(
      JsonRows::of_array(find_file(source.path, {fmt::format("aokvqa_v1p0_{}.json", split)})));
  std::vector<size_t> kept;  // direct answers to difficult questions are not scored
  for (size_t i = 0; i < rows->size(); ++i) {
    const bool is_difficult =
        is_direct_answer && split != "train" && Row(rows->row(i), rows->where(i)).flag("difficult_direct_answer");
    if (!is_difficult) kept.push_back(i);
  }
  const std::filesystem::path pictures = source.path / (split + "2017");
  return make_dataset(source, kept.size(), [=](size_t index) {
    const Json columns = rows->row(kept[index]);
    const Row row(columns, rows->where(kept[index]));
    const Json record = a_okvqa_record(row, is_direct_answer);
    const std::string name = coco_file_name("", row.integer("image_id"));
    return make_example(a_okvqa_example(Row(record, row.where()), is_direct_answer), row.id("question_id"),
                        {find_picture(pictures, name, row.where())}, row.where());
  });
}

}  // namespace molmo::data
