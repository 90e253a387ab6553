#include "data/csv.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "text/utf8.h"

namespace molmo::data {
namespace {

constexpr uint64_t kMaxBytes = 256u << 20;

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::filesystem::path& path) : text_(text), path_(path) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  // The values of the next line that is not empty; nothing at the end.
  std::optional<std::vector<std::string>> line() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
    if (at_ == text_.size()) return std::nullopt;
    std::vector<std::string> values;
    do {
      values.push_back(value());
    } while (take(','));
    take('\r');
    if (at_ < text_.size() && !take('\n')) {
      fail(ErrorCategory::BadData, "{}: a comma or the end of the line is missing at byte {}", path_.string(), at_);
    }
    return values;
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string value() {
    std::string value;
    if (!take('"')) {
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') value += text_[at_++];
      return value;
    }
    const size_t begin = at_;
    for (;;) {
      if (at_ == text_.size()) {
        fail(ErrorCategory::BadData, "{}: the quotes that begin at byte {} do not end", path_.string(), begin);
      }
      const char c = text_[at_++];
      if (c == '"' && !take('"')) return value;  // a doubled quote is one that belongs to the value
      value += c;
    }
  }

  std::string_view text_;
  const std::filesystem::path& path_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Json> read_csv(const std::filesystem::path& path) {
  const std::string text = text::replace_invalid_utf8(read_file(path, kMaxBytes));
  CsvReader reader(text, path);
  const auto columns = reader.line();
  if (!columns)
    fail(ErrorCategory::BadData, "{}: the file is empty, a line with the names of the columns is missing",
         path.string());
  std::vector<Json> rows;
  while (const auto values = reader.line()) {
    if (values->size() != columns->size()) {
      fail(ErrorCategory::BadData, "{}, row {}: {} values, but there are {} columns", path.string(), rows.size(),
           values->size(), columns->size());
    }
    Json row = Json::object();
    for (size_t i = 0; i < values->size(); ++i) row[(*columns)[i]] = (*values)[i];
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace molmo::data
