#include "eval/predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPartPrefix = "predictions.rank-";
constexpr uint64_t kMostPredictionBytes = uint64_t{4} << 30;

std::string text_field(const Json& line, const char* key, const std::string& where) {
  const auto field = line.is_object() ? line.find(key) : line.end();
  if (!line.is_object() || field == line.end() || !field->is_string())
    fail(ErrorCategory::BadData, "{}: expected an object with the text '{}', found {}", where, key,
         dump_json(line).substr(0, 200));
  return field->get<std::string>();
}

// Calls `take` with each whole line, its end included, and returns their number of bytes.
uint64_t for_each_prediction(const fs::path& path,
                             const std::function<void(std::string_view line, std::string id, std::string prediction,
                                                      const std::string& where)>& take) {
  if (!fs::exists(path)) return 0;
  const std::string text = read_file(path, kMostPredictionBytes);
  size_t number = 0, begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(text).substr(begin, end + 1 - begin);
    const std::string where = fmt::format("{}, line {}", path.string(), ++number);
    const Json json = parse_json(line, where);
    take(line, text_field(json, "id", where), text_field(json, "prediction", where), where);
  }
  return begin;
}

std::vector<fs::path> find_parts(const fs::path& predictions) {
  std::vector<fs::path> parts;
  if (!fs::exists(predictions.parent_path())) return parts;
  for (const auto& entry : fs::directory_iterator(predictions.parent_path())) {
    if (entry.path().filename().string().starts_with(kPartPrefix)) parts.push_back(entry.path());
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::map<std::string, std::string, std::less<>> read_answers(const fs::path& predictions) {
  std::map<std::string, std::string, std::less<>> answers;
  for_each_prediction(predictions, [&](std::string_view, std::string id, std::string prediction, const std::string&) {
    answers.emplace(std::move(id), std::move(prediction));
  });
  return answers;
}

fs::path part_file(const fs::path& predictions, int64_t rank) {
  return predictions.parent_path() / fmt::format("{}{:04}.jsonl", kPartPrefix, rank);
}

bool join_parts(const fs::path& predictions) {
  const std::vector<fs::path> parts = find_parts(predictions);
  if (parts.empty()) return false;
  std::string joined;
  std::set<std::string> ids;
  const auto take = [&](std::string_view line, const std::string& id, const std::string&, const std::string&) {
    if (ids.insert(id).second) joined += line;
  };
  for_each_prediction(predictions, take);
  for (const fs::path& part : parts) for_each_prediction(part, take);
  write_file_atomic(predictions, joined);
  for (const fs::path& part : parts) fs::remove(part);
  return true;
}

void order_predictions(const fs::path& predictions, const std::vector<std::string>& ids) {
  std::map<std::string, std::string> lines;
  std::string others, ordered;
  const std::set<std::string> known(ids.begin(), ids.end());
  for_each_prediction(predictions,
                      [&](std::string_view line, const std::string& id, const std::string&, const std::string&) {
                        known.contains(id) ? void(lines[id] = line) : void(others += line);
                      });
  for (const std::string& id : ids) ordered += lines[id];
  write_file_atomic(predictions, ordered + others);
}

PredictionLog::PredictionLog(const fs::path& path) {
  const uint64_t whole_bytes = for_each_prediction(
      path, [&](std::string_view, std::string id, std::string prediction, const std::string& where) {
        if (!answers_.emplace(id, std::move(prediction)).second)
          fail(ErrorCategory::BadData, "{}: '{}' has a prediction on an earlier line", where, id);
      });
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
