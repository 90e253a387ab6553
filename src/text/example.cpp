#include "text/example.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::text {
namespace {

// Reads `name` where it is there and not null.
template <class T>
void read(const Json& json, const char* name, std::optional<T>& value, std::string_view source) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return;
  try {
    value = found->get<T>();
  } catch (const Json::exception& error) {
    fail(ErrorCategory::BadData, "{}: field '{}' has the wrong type: {}", source, name, error.what());
  }
}

template <class T>
T read_required(const Json& json, const char* name, std::string_view source) {
  std::optional<T> value;
  read(json, name, value, source);
  if (!value) fail(ErrorCategory::BadData, "{}: field '{}' is missing", source, name);
  return *std::move(value);
}

// The JSON library accepts lists that are longer than a pair.
template <class T>
std::array<T, 2> to_pair(const std::vector<T>& values, const char* name, std::string_view source) {
  if (values.size() != 2) {
    fail(ErrorCategory::BadData, "{}: '{}' has {} numbers where 2 are expected", source, name, values.size());
  }
  return {values[0], values[1]};
}

std::optional<Points> read_points(const Json& json, std::string_view source) {
  std::optional<std::vector<std::vector<double>>> lists;
  read(json, "points", lists, source);
  if (!lists) return std::nullopt;
  Points points;
  for (const auto& list : *lists) points.push_back(to_pair(list, "points", source));
  return points;
}

// One answer may be written without a list.
void read_answers(const Json& json, Annotation& annotation, std::string_view source) {
  const auto found = json.find("answers");
  if (found != json.end() && found->is_string()) {
    annotation.answers = {found->get<std::string>()};
  } else {
    read(json, "answers", annotation.answers, source);
  }
}

Annotation parse_annotation(const Json& json, std::string_view source) {
  if (!json.is_object())
    fail(ErrorCategory::BadData, "{}: an example is {}, expected an object", source, json.type_name());
  Annotation annotation;
  read(json, "style", annotation.style, source);
  read(json, "prompt", annotation.prompt, source);
  read(json, "question", annotation.question, source);
  read(json, "label", annotation.label, source);
  read(json, "options", annotation.options, source);
  read(json, "unlabelled_options", annotation.unlabelled_options, source);
  read(json, "answer_idx", annotation.answer_index, source);
  read_answers(json, annotation, source);
  read(json, "answer", annotation.answer, source);
  read(json, "answer_with_points", annotation.answer_with_points, source);
  read(json, "text", annotation.text, source);
  annotation.points = read_points(json, source);
  read(json, "point_scale", annotation.point_scale, source);
  read(json, "messages", annotation.messages, source);
  std::optional<std::vector<Json>> answer_points;
  read(json, "answer_annotations", answer_points, source);
  for (const Json& entry : answer_points.value_or(std::vector<Json>())) {
    if (!entry.is_object()) fail(ErrorCategory::BadData, "{}: 'answer_annotations' is not a list of objects", source);
    const auto points = read_points(entry, source);
    if (!points) fail(ErrorCategory::BadData, "{}: 'answer_annotations' has an entry without 'points'", source);
    annotation.answer_points.push_back({*points, read_required<std::string>(entry, "inline_text", source),
                                        read_required<std::string>(entry, "alt_text", source)});
  }
  return annotation;
}

}  // namespace

Example parse_example(const Json& json, std::string_view source) {
  Example example;
  if (!json.is_object())
    fail(ErrorCategory::BadData, "{}: an example is {}, expected an object", source, json.type_name());
  std::optional<std::vector<int64_t>> size;
  read(json, "image_hw", size, source);
  if (size) {
    const auto [height, width] = to_pair(*size, "image_hw", source);
    example.image_size = ImageSize{height, width};
  }
  std::optional<std::vector<Json>> list;
  read(json, "message_list", list, source);
  example.is_list = list.has_value();
  if (!list) {
    example.annotations.push_back(parse_annotation(json, source));
    return example;
  }
  for (const Json& entry : *list) example.annotations.push_back(parse_annotation(entry, source));
  return example;
}

}  // namespace molmo::text
