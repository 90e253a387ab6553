// MMMU: questions of college exams in 30 subjects.
#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/academic.h"
#include "data/parquet.h"
#include "data/picture_file.h"
#include "data/python_literal.h"

namespace molmo::data {
namespace {

bool is_multiple_choice(const Row& row) {
  return row.text("question_type") == "multiple-choice";
}

// An option that is a picture begins with a mark such as "<img='picture.png'>".
bool is_picture(std::string_view option) {
  constexpr std::string_view kMark = "<img='";
  if (!option.starts_with(kMark)) return false;
  return option.substr(0, option.find('\n')).find("'>", kMark.size()) != std::string_view::npos;
}

}  // namespace

bool mmmu_keeps_picture(const Row& row) {
  if (!is_multiple_choice(row)) return true;
  const auto options = parse_python_texts(row.text("options"), row.where());
  return std::count_if(options.begin(), options.end(), is_picture) <= 1;
}

Json mmmu_example(const Row& row) {
  const bool has_options = is_multiple_choice(row);
  Json fields = {{"text", row.text("answer")}, {"question", row.text("question")}};
  fields["metadata"] = {
      {"answer", row.text("answer")}, {"example_id", row.value("id")}, {"question_type", row.text("question_type")}};
  fields["style"] = has_options ? "a_okvqa_mc" : "vqa2";
  if (has_options) fields["options"] = parse_python_texts(row.text("options"), row.where());
  return fields;
}

namespace {

constexpr std::string_view kSubjects[] = {"Accounting",
                                          "Agriculture",
                                          "Architecture_and_Engineering",
                                          "Art",
                                          "Art_Theory",
                                          "Basic_Medical_Science",
                                          "Biology",
                                          "Chemistry",
                                          "Clinical_Medicine",
                                          "Computer_Science",
                                          "Design",
                                          "Diagnostics_and_Laboratory_Medicine",
                                          "Economics",
                                          "Electronics",
                                          "Energy_and_Power",
                                          "Finance",
                                          "Geography",
                                          "History",
                                          "Literature",
                                          "Manage",
                                          "Marketing",
                                          "Materials",
                                          "Math",
                                          "Mechanical_Engineering",
                                          "Music",
                                          "Pharmacy",
                                          "Physics",
                                          "Psychology",
                                          "Public_Health",
                                          "Sociology"};
constexpr int kMaxPictures = 7;  // of a question, in the columns image_1 to image_7

std::vector<Picture> pictures_of(const Row& row, bool has_all) {
  std::vector<Picture> pictures;
  if (!has_all) {
    if (mmmu_keeps_picture(row)) pictures.push_back(required_picture(row, "image_1"));
    return pictures;
  }
  for (int i = 1; i <= kMaxPictures; ++i) {
    if (auto picture = carried_picture(row, fmt::format("image_{}", i))) pictures.push_back(*std::move(picture));
  }
  return pictures;
}

}  // namespace

std::shared_ptr<const Dataset> open_mmmu(const DatasetSource& source) {
  const std::string split = split_file(source, {{"dev", "dev"}, {"validation", "validation"}, {"test", "test"}});
  std::vector<std::filesystem::path> files;
  for (const std::string_view subject : kSubjects) {
    const auto found = find_parquet_files(source.path / subject, split);
    files.insert(files.end(), found.begin(), found.end());
  }
  const bool has_all = source.name == "mmmu_all_pictures";
  std::vector<std::string> columns = {"id", "question", "options", "answer", "question_type", "image_1"};
  for (int i = 2; has_all && i <= kMaxPictures; ++i) columns.push_back(fmt::format("image_{}", i));
  const auto table = ParquetTable::open(files, {.columns = columns});
  return make_dataset(source, table->size(), [=](size_t index) {
    const Json values = table->row(index);
    const Row row(values, table->where(index));
    return make_example(mmmu_example(row), row.id("id"), pictures_of(row, has_all), row.where());
  });
}

}  // namespace molmo::data
