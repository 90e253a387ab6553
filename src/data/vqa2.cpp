// VQAv2: questions about COCO pictures with the answers of ten people.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/picture_file.h"
#include "data/vqa_files.h"

namespace molmo::data {

Json vqa2_example(const Row& row) {
  Json fields = {{"style", "vqa2"}};
  if (row.has("answers")) fields["answers"] = row.texts("answers");
  fields["metadata"] = {{"image_id", row.value("image_id")}, {"example_id", row.value("question_id")}};
  fields["question"] = row.text("question");
  return fields;
}

Json vqa2_multi_example(const Row& row) {
  return {{"metadata", {{"image_id", row.value("image_id")}}}, {"message_list", row.list("messages")}};
}

namespace {

struct Vqa2 {
  VqaFiles files;
  std::filesystem::path pictures;
  RowGroups images;  // of questions

  Vqa2(VqaFiles all_files, std::filesystem::path picture_folder)
      : files(std::move(all_files)), pictures(std::move(picture_folder)), images(files.questions(), "image_id") {}

  Json question(size_t index) const {
    Json question = files.question(index);
    const Row row(question, files.questions().where(index));
    if (!row.has("answers")) return question;
    std::vector<std::string> answers;
    for (const Json& answer : row.list("answers")) answers.push_back(Row(answer, row.where()).text("answer"));
    question["answers"] = answers;
    return question;
  }

  Picture picture(const Row& question) const {
    const std::string prefix = "COCO_" + pictures.filename().string() + "_";
    return find_picture(pictures, coco_file_name(prefix, question.integer("image_id")), question.where());
  }

  Example one_question(size_t index) const {
    const Json columns = question(index);
    const Row row(columns, files.questions().where(index));
    return make_example(vqa2_example(row), row.id("question_id"), {picture(row)}, row.where());
  }

  Example all_questions(size_t index) const {
    Json messages = Json::array();
    Json first;
    for (const uint32_t number : images.group(index)) {
      const Json columns = question(number);
      const Row row(columns, files.questions().where(number));
      if (first.is_null()) first = columns;
      Json message = {{"question", row.text("question")}};
      if (row.has("answers")) message["answers"] = row.value("answers");
      message["style"] = "vqa2";
      message["question_id"] = row.value("question_id");
      messages.push_back(std::move(message));
    }
    const Row row(first, files.questions().where(images.group(index).front()));
    const Json columns = {{"image_id", row.value("image_id")}, {"messages", messages}};
    return make_example(vqa2_multi_example(Row(columns, row.where())), row.id("image_id"), {picture(row)}, row.where());
  }
};

}  // namespace

std::shared_ptr<const Dataset> open_vqa2(const DatasetSource& source) {
  const std::string split = split_file(
      source, {{"train", "train2014"}, {"validation", "val2014"}, {"test", "test2015"}, {"test-dev", "test-dev2015"}});
  const bool is_test = split.starts_with("test");
  const auto questions = find_file(source.path, {fmt::format("v2_OpenEnded_mscoco_{}_questions.json", split)});
  std::optional<std::filesystem::path> annotations;
  if (!is_test) annotations = find_file(source.path, {fmt::format("v2_mscoco_{}_annotations.json", split)});
  const auto data =
      std::make_shared<const Vqa2>(VqaFiles(questions, annotations), source.path / (is_test ? "test2015" : split));
  if (source.name == "vqa2_multi") {
    return make_dataset(source, data->images.size(), [data](size_t index) { return data->all_questions(index); });
  }
  return make_dataset(source, data->files.questions().size(),
                      [data](size_t index) { return data->one_question(index); });
}

}  // namespace molmo::data
