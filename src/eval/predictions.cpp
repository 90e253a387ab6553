#include "eval/predictions.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace molmo::eval {
namespace {

std::string text_field(const Json& line, const char* key, const std::string& where) {
  const auto field = line.is_object() ? line.find(key) : line.end();
  if (!line.is_object() || field == line.end() || !field->is_string())
    fail(ErrorCategory::BadData, "{}: expected an object with the text '{}', found {}", where, key,
         dump_json(line).substr(0, 200));
  return field->get<std::string>();
}

}  // namespace

PredictionLog::PredictionLog(const std::filesystem::path& path) {
  uint64_t whole_bytes = 0;
  if (std::filesystem::exists(path)) {
    const std::string text = read_file(path);
    size_t number = 0;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string where = fmt::format("{}, line {}", path.string(), ++number);
      const Json line = parse_json(std::string_view(text).substr(begin, end - begin), where);
      const std::string id = text_field(line, "id", where);
      if (!answers_.emplace(id, text_field(line, "prediction", where)).second)
        fail(ErrorCategory::BadData, "{}: '{}' has a prediction on an earlier line", where, id);
      whole_bytes = end + 1;
    }
  }
  log_.emplace(path, whole_bytes);
}

const std::string* PredictionLog::find(std::string_view id) const {
  const auto found = answers_.find(id);
  return found == answers_.end() ? nullptr : &found->second;
}

void PredictionLog::append(const std::vector<Json>& lines) {
  for (const Json& line : lines) {
    log_->append(line);
    answers_.emplace(line.at("id").get<std::string>(), line.at("prediction").get<std::string>());
  }
  log_->sync();
}

}  // namespace molmo::eval
