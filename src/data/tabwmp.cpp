// TabMWP: word problems about pictures of tables, answered without options.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/json_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json tabwmp_example(const Row& row, bool has_options) {
  Json fields = {{"question", row.text("question")},
                 {"answer", row.text("answer")},
                 {"style", "tabwmp_da"},
                 {"metadata", {{"example_id", row.value("example_id")}}}};
  if (has_options && row.has("choices") && !row.list("choices").empty()) fields["options"] = row.texts("choices");
  return fields;
}

std::shared_ptr<const Dataset> open_tabwmp(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "dev"}, {"test", "test"}});
  const auto rows =
      std::make_shared<const JsonRows>(JsonRows::of_object(find_file(source.path, {"problems_" + split + ".json"})));
  const std::filesystem::path pictures = source.path / "tables";
  return make_dataset(source, rows->size(), [=](size_t index) {
    Json columns = rows->row(index);
    const std::string id = rows->name(index);
    const Row row(columns, rows->where(index));
    const bool is_number = !id.empty() && id.size() < 18 && id.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) fail(ErrorCategory::BadData, "{}: its name '{}' is no number", row.where(), id);
    columns["example_id"] = std::stoll(id);
    return make_example(tabwmp_example(row, /*has_options=*/false), id,
                        {find_picture(pictures, id + ".png", row.where())}, row.where());
  });
}

}  // namespace molmo::data
