// FigureQA: yes-or-no questions about drawn charts, answered by 1 and 0.
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/grouped_rows.h"
#include "data/picture_file.h"

namespace molmo::data {

Json figure_qa_example(const Row& row) {
  return {{"message_list", grouped_questions(row, "figure_qa")}};
}

std::shared_ptr<const Dataset> open_figure_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train1"},
                                                {"validation", "validation1"},
                                                {"validation2", "validation2"},
                                                {"test", "no_annot_test1"},
                                                {"test2", "no_annot_test2"}});
  const auto rows = std::make_shared<const GroupedRows>(
      JsonRows::of_array(find_file(source.path / split, {"qa_pairs.json"}), "qa_pairs"),
      GroupedColumns{.picture = "image_index", .question = "question_string"});
  const std::filesystem::path pictures = source.path / split / "png";
  return make_dataset(source, rows->size(), [=](size_t index) {
    const Json columns = rows->picture(index);
    const Row row(columns, rows->where(index));
    const std::string image = std::to_string(row.integer("image_index"));
    return make_example(figure_qa_example(row), image, {find_picture(pictures, image + ".png", row.where())},
                        row.where());
  });
}

}  // namespace molmo::data
