#include "data/academic.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::data {

std::string python_text(const Json& value, std::string_view where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return std::to_string(value.get<uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_number_float()) {
    fail(ErrorCategory::BadData, "{}: an answer is {}, expected a text or a number", where, value.type_name());
  }
  std::string text = fmt::format("{}", value.get<double>());
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

Json grouped_questions(const Row& row, std::string_view style) {
  const Row columns(row.value("questions"), row.where() + ", questions");
  const std::vector<std::string> questions = columns.texts("question");
  const std::vector<Json> answers = columns.list("answer");
  if (answers.size() != questions.size()) {
    fail(ErrorCategory::BadData, "{}: {} questions, but {} answers", row.where(), questions.size(), answers.size());
  }
  Json messages = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    Json message = {{"question", questions[i]}};
    if (!answers[i].is_null()) message["answer"] = python_text(answers[i], row.where());
    message["style"] = style;
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace molmo::data
