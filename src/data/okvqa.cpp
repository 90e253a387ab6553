// OK-VQA: questions about COCO pictures that need knowledge of the world.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/picture_file.h"
#include "data/vqa_files.h"

namespace molmo::data {

Json okvqa_example(const Row& row) {
  std::vector<std::string> answers;
  for (const Json& answer : row.list("answers"))
    answers.push_back(Row(answer, row.where() + ", answers").text("raw_answer"));
  return {{"question", row.text("question")},
          {"answers", answers},
          {"metadata", {{"example_id", row.value("question_id")}}},
          {"style", "okvqa"}};
}

std::shared_ptr<const Dataset> open_okvqa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train2014"}, {"validation", "val2014"}});
  const auto files = std::make_shared<const VqaFiles>(
      find_file(source.path, {fmt::format("OpenEnded_mscoco_{}_questions.json", split)}),
      find_file(source.path, {fmt::format("mscoco_{}_annotations.json", split)}));
  const std::filesystem::path pictures = source.path / split;
  return make_dataset(source, files->questions().size(), [=](size_t index) {
    const Json columns = files->question(index);
    const Row row(columns, files->questions().where(index));
    const std::string name = coco_file_name("COCO_" + split + "_", row.integer("image_id"));
    return make_example(okvqa_example(row), row.id("question_id"), {find_picture(pictures, name, row.where())},
                        row.where());
  });
}

}  // namespace molmo::data
