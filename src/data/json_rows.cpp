#include "data/json_rows.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"

namespace molmo::data {
namespace {

constexpr uint64_t kMaxRowBytes = 64u << 20;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

// Finds where values begin and end, without reading them: what is between is checked when a row is parsed.
class JsonRows::Scanner {
 public:
  // `row`: the text is of this row, not of the whole file.
  Scanner(std::string_view text, const JsonRows& rows, std::optional<size_t> row = std::nullopt)
      : text_(text), rows_(rows), row_(row) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  size_t at() const { return at_; }
  bool is_at_end() { return skip_spaces(), at_ == text_.size(); }

  char peek() {
    skip_spaces();
    if (at_ == text_.size()) fail(ErrorCategory::BadData, "{}: the JSON is cut off at byte {}", source(), at_);
    return text_[at_];
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) {
      fail(ErrorCategory::BadData, "{}: '{}' expected at byte {} of the JSON, found '{}'", source(), c, at_,
           text_[at_]);
    }
  }

  // The value that begins here: an object or array with all in it, a string with its quotes, a number or a word.
  std::string_view value() {
    const char first = peek();
    const size_t begin = at_;
    if (first == '"') {
      skip_string();
    } else if (first == '{' || first == '[') {
      skip_nested();
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']')
        ++at_;
      if (at_ == begin) fail(ErrorCategory::BadData, "{}: a value is missing at byte {}", source(), at_);
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void skip_string() {
    const size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) {
      fail(ErrorCategory::BadData, "{}: the text that begins at byte {} of the JSON does not end", source(), begin);
    }
    ++at_;
  }

  void skip_nested() {
    const size_t begin = at_;
    size_t depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
        --at_;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        ++at_;
        return;
      }
    }
    fail(ErrorCategory::BadData, "{}: what begins at byte {} of the JSON does not end", source(), begin);
  }

  std::string source() const { return row_ ? rows_.where(*row_) : rows_.file_->path().string(); }

  std::string_view text_;
  const JsonRows& rows_;
  std::optional<size_t> row_;
  size_t at_ = 0;
};

JsonRows::JsonRows(const std::filesystem::path& path) : file_(MappedFile::open(path)) {}

std::string_view JsonRows::text() const {
  const auto bytes = file_->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

JsonRows JsonRows::of_array(const std::filesystem::path& path, std::string_view key) {
  JsonRows rows(path);
  Scanner scanner(rows.text(), rows);
  bool is_found = false;
  const auto read_array = [&] {
    scanner.expect('[');
    is_found = true;
    if (scanner.take(']')) return;
    do {
      const std::string_view element = scanner.value();
      if (element.size() > kMaxRowBytes || rows.size() == std::numeric_limits<uint32_t>::max()) {
        fail(ErrorCategory::BadData, "{} is too large: at most {} bytes are read in a row, and 2^32 rows",
             rows.where(rows.size()), kMaxRowBytes);
      }
      rows.rows_.push_back({scanner.at() - element.size(), static_cast<uint32_t>(element.size())});
    } while (scanner.take(','));
    scanner.expect(']');
  };

  if (key.empty()) {
    read_array();
  } else {
    scanner.expect('{');
    if (!scanner.take('}')) {
      do {
        const std::string_view name = scanner.value();
        scanner.expect(':');
        if (!is_found && name.size() == key.size() + 2 && name.substr(1, key.size()) == key) {
          read_array();
        } else {
          scanner.value();
        }
      } while (scanner.take(','));
      scanner.expect('}');
    }
  }
  if (!is_found) fail(ErrorCategory::BadData, "{}: there is no list '{}' in it", path.string(), key);
  if (!scanner.is_at_end()) {
    fail(ErrorCategory::BadData, "{}: there is more after the end of the JSON at byte {}", path.string(), scanner.at());
  }
  return rows;
}

JsonRows JsonRows::of_object(const std::filesystem::path& path) {
  JsonRows rows(path);
  Scanner scanner(rows.text(), rows);
  scanner.expect('{');
  if (!scanner.take('}')) {
    do {
      scanner.peek();
      const size_t name_begin = scanner.at();
      const size_t name_bytes = scanner.value().size();
      scanner.expect(':');
      const std::string_view element = scanner.value();
      const uint64_t begin = scanner.at() - element.size();
      if (element.size() > kMaxRowBytes || begin - name_begin > kMaxRowBytes) {
        fail(ErrorCategory::BadData, "{} has more than {} bytes", rows.where(rows.size()), kMaxRowBytes);
      }
      rows.rows_.push_back({begin, static_cast<uint32_t>(element.size()), static_cast<uint32_t>(name_bytes),
                            static_cast<uint32_t>(begin - name_begin)});
    } while (scanner.take(','));
    scanner.expect('}');
  }
  if (!scanner.is_at_end()) {
    fail(ErrorCategory::BadData, "{}: there is more after the end of the JSON at byte {}", path.string(), scanner.at());
  }
  return rows;
}

JsonRows JsonRows::of_lines(const std::filesystem::path& path) {
  JsonRows rows(path);
  const std::string_view text = rows.text();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const bool is_blank = text.substr(begin, end - begin).find_first_not_of(" \r\t") == std::string_view::npos;
    if (end - begin > kMaxRowBytes) {
      fail(ErrorCategory::BadData, "{} has more than {} bytes", rows.where(rows.size()), kMaxRowBytes);
    }
    if (!is_blank) rows.rows_.push_back({begin, static_cast<uint32_t>(end - begin)});
    begin = end + 1;
  }
  return rows;
}

std::string_view JsonRows::row_text(size_t index) const {
  return text().substr(rows_.at(index).offset, rows_[index].num_bytes);
}

Json JsonRows::row(size_t index) const {
  return parse_json(row_text(index), where(index));
}

std::string JsonRows::name(size_t index) const {
  const Span& row = rows_.at(index);
  if (row.name_bytes == 0) return "";
  const Json name = parse_json(text().substr(row.offset - row.name_offset, row.name_bytes), where(index));
  if (!name.is_string()) fail(ErrorCategory::BadData, "{}: its name is no text", where(index));
  return name.get<std::string>();
}

std::string JsonRows::where(size_t index) const {
  return file_->path().string() + ", row " + std::to_string(index);
}

std::string_view JsonRows::member_text(size_t index, std::string_view key) const {
  Scanner scanner(row_text(index), *this, index);
  scanner.expect('{');
  if (!scanner.take('}')) {
    do {
      const std::string_view name = scanner.value();
      scanner.expect(':');
      const std::string_view value = scanner.value();
      if (name.size() == key.size() + 2 && name.substr(1, key.size()) == key) return value;
    } while (scanner.take(','));
  }
  fail(ErrorCategory::BadData, "{}: there is no '{}'. Is this the published layout?", where(index), key);
}

RowGroups::RowGroups(const JsonRows& rows, std::string_view key) {
  std::unordered_map<std::string_view, size_t> numbers;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto [it, is_new] = numbers.emplace(rows.member_text(i, key), groups_.size());
    if (is_new) groups_.emplace_back();
    groups_[it->second].push_back(static_cast<uint32_t>(i));
  }
}

}  // namespace molmo::data
