// PlotQA: questions about plots of real data.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/grouped_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json plot_qa_example(const Row& row) {
  return {{"message_list", grouped_questions(row, "plot_qa")}};
}

std::shared_ptr<const Dataset> open_plot_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "val"}, {"test", "test"}});
  const std::filesystem::path folder = source.path / split;
  // Two sets of questions were published about the same plots; the first is the smaller one.
  const auto file = find_file(folder, {"qa_pairs_V1.json", "qa_pairs_V2.json", "qa_pairs.json"});
  const auto rows = std::make_shared<const GroupedRows>(
      JsonRows::of_array(file, "qa_pairs"), GroupedColumns{.picture = "image_index", .question = "question_string"});
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->picture(index);
    const Row row(columns, rows->where(index));
    const std::string image = std::to_string(row.integer("image_index"));
    return make_example(plot_qa_example(row), image, {find_picture(folder / "png", image + ".png", row.where())},
                        row.where());
  });
}

}  // namespace molmo::data
