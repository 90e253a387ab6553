// ScienceQA: multiple-choice questions of school science, those with a picture.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {

// A hint stands before the question; in the reference it stands there twice, and the question is lost.
Json science_qa_example(const Row& row, config::Quirks quirks) {
  const std::string question = row.text("question");
  const std::string hint = row.has("hint") ? row.text("hint") : "";
  const std::string& last = quirks == config::Quirks::Reference ? hint : question;
  return {{"question", hint.empty() ? question : hint + "\n" + last},
          {"style", "science_qa"},
          {"answer_idx", row.integer("answer")},
          {"options", row.texts("choices")}};
}

std::shared_ptr<const Dataset> open_science_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "validation"}, {"test", "test"}});
  const auto table = ParquetTable::open(find_parquet_files(source.path, split),
                                        {.columns = {"image", "question", "hint", "answer", "choices"}});
  std::vector<size_t> rows;  // with a picture
  table->for_each({"image"}, [&](size_t index, const Json& row) {
    if (Row(row, table->where(index)).has("image")) rows.push_back(index);
  });
  return make_dataset(source, rows.size(), [=, quirks = source.quirks](size_t index) {
    const Json columns = table->row(rows[index]);
    const Row row(columns, table->where(rows[index]));
    return make_example(science_qa_example(row, quirks), std::to_string(rows[index]), {required_picture(row, "image")},
                        row.where());
  });
}

}  // namespace molmo::data
