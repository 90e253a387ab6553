// The two files of VQAv2 and OK-VQA: questions, and annotations that hold their answers.
//   VqaFiles files("v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json");
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "base/json.h"
#include "data/json_rows.h"

namespace molmo::data {

class VqaFiles {
 public:
  // No annotations: a split whose answers are not published.
  VqaFiles(const std::filesystem::path& questions, const std::optional<std::filesystem::path>& annotations);

  const JsonRows& questions() const { return questions_; }
  // The question: image_id, question_id, question; and `answers`, a list of objects, of its annotation.
  Json question(size_t index) const;

 private:
  JsonRows questions_;
  std::optional<JsonRows> annotations_;
  std::unordered_map<int64_t, uint32_t> annotation_of_;  // by question_id
};

// "COCO_train2014_000000000009.jpg" of the image with number 9; "000000000009.jpg" without a prefix.
std::string coco_file_name(std::string_view prefix, int64_t image_id);

}  // namespace molmo::data
