// MathVista: mathematics in pictures.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {
namespace {

// What follows the last "Question:" and stands before "Hint:", without white space around it.
std::string simple_question(std::string_view question) {
  constexpr std::string_view kQuestion = "Question:", kHint = "Hint:";
  if (const size_t at = question.rfind(kQuestion); at != std::string_view::npos) {
    question.remove_prefix(at + kQuestion.size());
  }
  question = question.substr(0, question.find(kHint));
  constexpr std::string_view kSpaces = " \t\n\r\f\v";
  const size_t begin = question.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return "";
  return std::string(question.substr(begin, question.find_last_not_of(kSpaces) + 1 - begin));
}

}  // namespace

Json math_vista_example(const Row& row) {
  const std::string question = row.text("question");
  const bool is_multiple_choice = row.text("question_type") == "multi_choice";
  Json fields = {{"question", simple_question(question)}};
  fields["metadata"] = {{"example_id", row.value("pid")},         {"answer", row.value("answer")},
                        {"precision", row.value("precision")},    {"query", question},
                        {"choices", row.value("choices")},        {"question_type", row.value("question_type")},
                        {"answer_type", row.value("answer_type")}};
  if (is_multiple_choice) fields["options"] = row.texts("choices");
  fields["style"] = is_multiple_choice ? "eval_multiple_choice" : "eval_short_answer";
  return fields;
}

std::shared_ptr<const Dataset> open_math_vista(const DatasetSource& source) {
  // What the reference calls validation is the small test set, whose answers are published.
  const std::string split =
      split_file(source, {{"validation", "testmini"}, {"testmini", "testmini"}, {"test", "test"}});
  const auto table = ParquetTable::open(find_parquet_files(source.path, split),
                                        {.columns = {"pid", "question", "decoded_image", "choices", "precision",
                                                     "answer", "question_type", "answer_type"}});
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json columns = table->row(index);
    const Row row(columns, table->where(index));
    return make_example(math_vista_example(row), row.id("pid"), {required_picture(row, "decoded_image")}, row.where());
  });
}

}  // namespace molmo::data
