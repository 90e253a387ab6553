// PixMo-Docs: questions about rendered charts, tables, diagrams and other documents. The tables carry the pictures.
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/parquet.h"
#include "data/picture_file.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {

Json pixmo_docs_example(const Row& row, std::string_view style) {
  const Row questions(row.value("questions"), row.where() + ", questions");
  const auto asked = questions.texts("question"), answers = questions.texts("answer");
  if (asked.size() != answers.size())
    fail(ErrorCategory::BadData, "{}: {} questions, but {} answers", row.where(), asked.size(), answers.size());
  Json list = Json::array();
  for (size_t i = 0; i < asked.size(); ++i)
    list.push_back({{"question", asked[i]}, {"answer", answers[i]}, {"style", style}});
  return {{"message_list", list}, {"metadata", {{"image_id", row.id("image_id")}}}};
}

std::string_view pixmo_docs_old_style(std::string_view kind) {
  if (kind == "charts") return "scifi_charts";
  if (kind == "tables") return "scifi_table";
  if (kind == "diagrams") return "scifi_diagram";
  return "scifi_document";
}

std::shared_ptr<const Dataset> open_pixmo_docs(const DatasetSource& source) {
  constexpr std::string_view kName = "pixmo_docs_";
  const std::string kind = source.name.substr(kName.size());
  const std::array<std::string_view, 1> settings = {"style"};
  const std::string setting = source_option(source, "style", settings);
  if (!setting.empty() && setting != "scifi")
    fail(ErrorCategory::InvalidArgument, "{}: style={}, expected scifi, the older names", source.name, setting);
  const std::string style = setting == "scifi" ? std::string(pixmo_docs_old_style(kind)) : source.name;
  const std::filesystem::path folder = source.path / kind;  // the hub keeps a folder for each kind
  const auto files = find_parquet_files(std::filesystem::is_directory(folder) ? folder : source.path, source.split);
  const auto table = ParquetTable::open(files, {.columns = {"image", "image_id", "questions"}});
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json columns = table->row(index);
    const Row row(columns, table->where(index));
    return make_example(pixmo_docs_example(row, style), row.id("image_id"), {required_picture(row, "image")},
                        row.where());
  });
}

}  // namespace molmo::data
