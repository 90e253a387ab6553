#include "eval/predictions.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

PredictionLog::PredictionLog(std::filesystem::path path) : path_(std::move(path)) {
  uint64_t whole_bytes = 0;
  if (std::filesystem::exists(path_)) {
    const std::string text = read_file(path_);
    size_t number = 0;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string where = fmt::format("{}, line {}", path_.string(), ++number);
      const Json line = parse_json(std::string_view(text).substr(begin, end - begin), where);
      const std::string id = text_field(line, "id", where);
      if (!answers_.emplace(id, text_field(line, "prediction", where)).second)
        fail(ErrorCategory::BadData, "{}: '{}' has a prediction on an earlier line", where, id);
      whole_bytes = end + 1;
    }
  }
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0 || ::ftruncate(descriptor_, static_cast<off_t>(whole_bytes)) != 0 ||
      ::lseek(descriptor_, 0, SEEK_END) < 0)
    fail(ErrorCategory::Io, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

PredictionLog::~PredictionLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

const std::string* PredictionLog::find(std::string_view id) const {
  const auto found = answers_.find(id);
  return found == answers_.end() ? nullptr : &found->second;
}

void PredictionLog::append(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) {
    text += dump_json(line) + "\n";
    answers_.emplace(line.at("id").get<std::string>(), line.at("prediction").get<std::string>());
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(ErrorCategory::Io, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
    rest.remove_prefix(static_cast<size_t>(written));
  }
  if (::fdatasync(descriptor_) != 0)
    fail(ErrorCategory::Io, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

}  // namespace molmo::eval
