// ChartQA: questions about charts, written by people or by a program.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/parquet.h"
#include "data/picture_file.h"

namespace molmo::data {
namespace {

// Questions of the training split; the weights give both kinds the same sum.
constexpr double kNumHuman = 7398, kNumMachine = 20901;

}  // namespace

// The hub's flag `human_or_machine` is 0 for people; the reference takes 1 for them, and so weighs the wrong part.
Json chart_qa_example(const Row& row, bool is_weighted, config::Quirks quirks) {
  const int64_t flag = row.integer("human_or_machine");
  const bool is_human = quirks == config::Quirks::Reference ? flag != 0 : flag == 0;
  Json fields = {{"question", row.text("query")}, {"answers", row.texts("label")}, {"style", "chart_qa"}};
  if (quirks == config::Quirks::Reference) {
    fields["metadata"] = {{"is_human", flag}};
  } else {
    fields["metadata"] = {{"is_human", is_human}};
  }
  if (is_weighted) fields["weight"] = 2 * (is_human ? kNumMachine : kNumHuman) / (kNumHuman + kNumMachine);
  return fields;
}

namespace {

// Rows of one kind of question, by the polarity of the flag that chart_qa_example() says.
std::vector<size_t> rows_of_part(const ParquetTable& table, bool is_human, config::Quirks quirks) {
  const int64_t wanted = (quirks == config::Quirks::Reference) == is_human ? 1 : 0;
  std::vector<size_t> rows;
  table.for_each({"human_or_machine"}, [&](size_t index, const Json& row) {
    if (Row(row, table.where(index)).integer("human_or_machine") == wanted) rows.push_back(index);
  });
  return rows;
}

}  // namespace

std::shared_ptr<const Dataset> open_chart_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "val"}, {"test", "test"}});
  const auto table = ParquetTable::open(find_parquet_files(source.path, split),
                                        {.columns = {"image", "query", "label", "human_or_machine"}});
  std::vector<size_t> rows;
  const bool is_part = source.name == "chart_qa_human" || source.name == "chart_qa_augmented";
  if (is_part) rows = rows_of_part(*table, source.name == "chart_qa_human", source.quirks);
  const bool is_weighted = source.name == "chart_qa_weighted";
  return make_dataset(source, is_part ? rows.size() : table->size(), [=, quirks = source.quirks](size_t index) {
    const size_t number = is_part ? rows[index] : index;
    const Json columns = table->row(number);
    const Row row(columns, table->where(number));
    return make_example(chart_qa_example(row, is_weighted, quirks), std::to_string(number),
                        {required_picture(row, "image")}, row.where());
  });
}

}  // namespace molmo::data
