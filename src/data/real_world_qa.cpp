// RealWorldQA: questions about photographs, many taken from vehicles.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {

Json real_world_qa_example(const Row& row, RealWorldMode mode) {
  constexpr std::string_view kShort = "Please answer directly with a single word or number.";
  constexpr std::string_view kOptions =
      "Please answer directly with only the letter of the correct option and nothing else.";
  const std::string prompt = row.text("question");
  const bool is_short = prompt.find(kShort) != std::string::npos;
  if (!is_short && prompt.find(kOptions) == std::string::npos) {
    fail(ErrorCategory::BadData, "{}: the question says neither '{}' nor '{}'", row.where(), kShort, kOptions);
  }
  Json fields = {{"metadata",
                  {{"answer", row.text("answer")},
                   {"prompt", prompt},
                   {"question_type", is_short ? "short_answer" : "multiple_choice"}}}};
  if (mode == RealWorldMode::Plain) {
    fields["style"] = "none";
    fields["prompt"] = prompt;
    return fields;
  }
  fields["style"] = is_short ? "eval_short_answer" : "eval_multiple_choice";
  const bool is_cut = mode == RealWorldMode::NoInstruction && is_short;
  fields["question"] = is_cut ? prompt.substr(0, prompt.find('\n')) : prompt;
  return fields;
}

std::shared_ptr<const Dataset> open_real_world_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"test", "test"}});
  const auto table =
      ParquetTable::open(find_parquet_files(source.path, split), {.columns = {"image", "question", "answer"}});
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json columns = table->row(index);
    const Row row(columns, table->where(index));
    return make_example(real_world_qa_example(row, RealWorldMode::NoInstruction), std::to_string(index),
                        {required_picture(row, "image")}, row.where());
  });
}

}  // namespace molmo::data
