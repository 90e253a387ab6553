// What a data set says about one picture, before it becomes a prompt and an answer (reference: the examples of
// olmo/data/*_datasets.py). Fields that a data set does not have stay empty.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/geometry.h"
#include "base/json.h"
#include "text/points.h"

namespace molmo::text {

using Points = std::vector<std::array<double, 2>>;

// The points that stand for one `<|POINT|>` of an answer, in percent.
struct AnswerPoints {
  Points points;
  std::string inline_text, alt_text;
};

// One conversation about the picture.
struct Annotation {
  std::optional<std::string> style;  // "vqa2", "pointing", "long_caption", ...

  // What is asked.
  std::optional<std::string> prompt;  // the complete text of the user
  std::optional<std::string> question;
  std::optional<std::string> label;                            // of the things to point at or count
  std::optional<std::vector<std::string>> options;             // shown with letters
  std::optional<std::vector<std::string>> unlabelled_options;  // shown as they are

  // What is answered.
  std::optional<int64_t> answer_index;              // into the options
  std::optional<std::vector<std::string>> answers;  // of several people
  std::optional<std::string> answer;
  std::vector<AnswerPoints> answer_points;  // one for each `<|POINT|>` of `answer`
  std::optional<std::string> answer_with_points;
  std::optional<std::string> text;    // a caption, an action
  std::optional<Points> points;       // of `label`
  std::optional<double> point_scale;  // the coordinate that stands for 100 percent; empty: pixels
  PointPrecision point_precision = PointPrecision::F64;

  // Or the whole conversation verbatim: user, assistant, user, ...
  std::optional<std::vector<std::string>> messages;
};

struct Example {
  std::vector<Annotation> annotations;
  bool is_list = false;                 // the data set gives a list of annotations, even of one
  std::optional<ImageSize> image_size;  // needed for points in pixels
};

// Reads the field names of the reference ("answer_idx", "answer_annotations", "message_list", "image_hw", ...); others
// are left alone. Throws BadData, naming `source`, for a field of the wrong type.
Example parse_example(const Json& json, std::string_view source);

}  // namespace molmo::text
