#include "data/vqa_files.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/row.h"

namespace molmo::data {
namespace {

int64_t question_id(const JsonRows& rows, size_t index) {
  const std::string_view text = rows.member_text(index, "question_id");
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail(ErrorCategory::BadData, "{}: 'question_id' is {}, expected a whole number", rows.where(index),
         text.substr(0, 50));
  }
  return id;
}

}  // namespace

VqaFiles::VqaFiles(const std::filesystem::path& questions, const std::optional<std::filesystem::path>& annotations)
    : questions_(JsonRows::of_array(questions, "questions")) {
  if (!annotations) return;
  annotations_ = JsonRows::of_array(*annotations, "annotations");
  for (size_t i = 0; i < annotations_->size(); ++i) {
    annotation_of_[question_id(*annotations_, i)] = static_cast<uint32_t>(i);
  }
}

Json VqaFiles::question(size_t index) const {
  Json question = questions_.row(index);
  if (!annotations_) return question;
  const int64_t id = question_id(questions_, index);
  const auto found = annotation_of_.find(id);
  if (found == annotation_of_.end()) {
    fail(ErrorCategory::BadData, "{}: no annotation has the question_id {}. Are both files of the same split?",
         questions_.where(index), id);
  }
  const Json annotation = annotations_->row(found->second);
  question["answers"] = Row(annotation, annotations_->where(found->second)).value("answers");
  return question;
}

std::string coco_file_name(std::string_view prefix, int64_t image_id) {
  return fmt::format("{}{:012}.jpg", prefix, image_id);
}

}  // namespace molmo::data
