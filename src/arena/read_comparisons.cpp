#include "arena/read_comparisons.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <nlohmann/json.hpp>

#include "arena/store.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace molmo::arena {
namespace {

constexpr size_t kMaxValueBytes = 4096;
constexpr size_t kMaxColumns = 256;
constexpr uint64_t kMaxLineBytes = 1 << 16;  // of JSON

// Rows of RFC 4180. The values of a row are views that stay valid until the next one is read.
class CsvRows {
 public:
  CsvRows(std::string_view text, std::string_view source) : text_(text), source_(source) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  // The next row that is not empty; false at the end.
  bool next(std::vector<std::string_view>& values) {
    values.clear();
    unescaped_.clear();
    while (skip_line_end()) {
    }
    if (at_ == text_.size()) return false;
    row_line_ = line_;
    for (;;) {
      values.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
      if (values.size() > kMaxColumns) refuse(row_line_, fmt::format("more than {} values", kMaxColumns));
      if (at_ == text_.size() || skip_line_end()) return true;
      if (text_[at_] != ',') refuse(line_, "after the quotes end there must be a comma or the end of the line");
      ++at_;
    }
  }
  uint64_t line() const { return row_line_; }  // on which the row begins

 private:
  [[noreturn]] void refuse(uint64_t line, std::string_view what) const {
    fail(ErrorCategory::BadData, "{}, line {}: {}", source_, line, what);
  }

  bool skip_line_end() {
    const char *const byte = text_.data() + at_, *const end = text_.data() + text_.size();
    const bool is_return = byte != end && *byte == '\r' && byte + 1 != end && byte[1] == '\n';
    if (!is_return && (byte == end || *byte != '\n')) return false;
    at_ += is_return ? 2 : 1;
    ++line_;
    return true;
  }

  std::string_view plain() {
    const size_t begin = at_;
    // Most of the time of reading: plain pointers, without checked access.
    const char *byte = text_.data() + at_, *const end = text_.data() + text_.size();
    while (byte != end && *byte != ',' && *byte != '\n' && *byte != '"') ++byte;
    at_ = static_cast<size_t>(byte - text_.data());
    if (byte != end && *byte == '"') {
      refuse(line_,
             "there are quotes inside a value that does not begin with them; put the whole value in quotes and "
             "double those inside");
    }
    const bool ends_with_return = at_ < text_.size() && text_[at_] == '\n' && at_ > begin && text_[at_ - 1] == '\r';
    if (ends_with_return) --at_;
    if (at_ - begin > kMaxValueBytes)
      refuse(line_, fmt::format("a value has {} bytes, at most {} are allowed", at_ - begin, kMaxValueBytes));
    return text_.substr(begin, at_ - begin);
  }

  std::string_view quoted() {
    const uint64_t first_line = line_;
    const size_t begin = ++at_;
    std::string* copy = nullptr;  // only of values with quotes inside
    size_t kept = begin;
    for (;; ++at_) {
      if (at_ == text_.size()) refuse(first_line, "the quotes that begin here do not end; add the closing ones");
      if (at_ - begin > kMaxValueBytes) {
        refuse(first_line, fmt::format("a value in quotes has more than {} bytes; are its closing quotes missing?",
                                       kMaxValueBytes));
      }
      line_ += text_[at_] == '\n';
      if (text_[at_] != '"') continue;
      if (text_.substr(at_, 2) != "\"\"") break;
      if (copy == nullptr) copy = &unescaped_.emplace_back();
      *copy += text_.substr(kept, at_ + 1 - kept);
      kept = ++at_ + 1;
    }
    const std::string_view rest = text_.substr(kept, at_++ - kept);
    if (copy == nullptr) return rest;
    *copy += rest;
    return *copy;
  }

  std::string_view text_, source_;
  size_t at_ = 0;
  uint64_t line_ = 1, row_line_ = 1;
  std::deque<std::string> unescaped_;
};

// From the lines of the beginning; never more than there could be.
size_t guess_rows(std::string_view text) {
  constexpr size_t kBeginning = 1 << 16, kShortestRow = 12;
  const std::string_view beginning = text.substr(0, kBeginning);
  const auto num_lines = static_cast<size_t>(std::count(beginning.begin(), beginning.end(), '\n'));
  if (beginning.empty()) return 0;
  return std::min(text.size() / kShortestRow, (text.size() / beginning.size() + 1) * num_lines);
}

std::string_view* field_of(ComparisonFields& fields, size_t column) {
  std::string_view* const places[] = {&fields.left,     &fields.right,     &fields.outcome,  &fields.id,
                                      &fields.prompt,   &fields.annotator, &fields.style[0], &fields.style[1],
                                      &fields.style[2], &fields.style[3]};
  static_assert(std::size(places) == kColumns.size());
  return places[column];
}

// Names may be written as whole numbers, as annotators often are; style values are numbers.
std::string json_value(const Json& value, std::string_view key, std::string_view where) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  const bool is_style = std::ranges::find(kColumns, key) >= kColumns.end() - 4;
  if (value.is_number_integer() || (is_style && value.is_number())) return value.dump();
  fail(ErrorCategory::BadData, "{}: {} is {}, expected {}", where, key, value.type_name(),
       is_style ? "a number" : "a text");
}

}  // namespace

Comparisons parse_csv_comparisons(std::string_view text, std::string_view source) {
  CsvRows rows(text, source);
  std::vector<std::string_view> values;
  if (!rows.next(values)) {
    fail(ErrorCategory::BadData,
         "{}: the file is empty; its first line names the columns: comparison_id,prompt_id,left_model,right_model,"
         "outcome,annotator_id",
         source);
  }
  const std::vector<std::string> columns(values.begin(), values.end());
  ComparisonBuilder builder(std::string(source), "line", columns);
  ComparisonFields fields;  // of one row after the other: those without a column stay empty
  struct Place {
    size_t in_row;
    std::string_view* field;
  };
  std::vector<Place> places;
  for (size_t i = 0; i < kColumns.size(); ++i) {
    const auto found = std::ranges::find(columns, kColumns[i]);
    if (found != columns.end()) places.push_back({static_cast<size_t>(found - columns.begin()), field_of(fields, i)});
  }
  builder.expect_rows(guess_rows(text));
  while (rows.next(values)) {
    if (values.size() != columns.size()) {
      fail(ErrorCategory::BadData,
           "{}, line {}: {} values, but the first line names {} columns; put values that hold "
           "commas in quotes",
           source, rows.line(), values.size(), columns.size());
    }
    for (const Place& place : places) *place.field = values[place.in_row];
    builder.add(fields, rows.line());
  }
  return builder.finish();
}

Comparisons parse_jsonl_comparisons(std::string_view text, std::string_view source) {
  ComparisonBuilder builder(std::string(source), "line");
  uint64_t number = 0;
  for (size_t at = 0; at < text.size();) {
    ++number;
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = fmt::format("{}, line {}", source, number);
    const Json document = parse_json(line, where, {.max_bytes = kMaxLineBytes, .max_depth = 8});
    if (!document.is_object()) fail(ErrorCategory::BadData, "{}: expected one JSON object a line", where);
    std::array<std::string, kColumns.size()> values;
    ComparisonFields fields;
    for (size_t i = 0; i < kColumns.size(); ++i) {
      const auto found = document.find(kColumns[i]);
      if (found != document.end()) {
        values[i] = json_value(*found, kColumns[i], where);
      } else if (i < kNumRequiredColumns) {
        std::vector<std::string> keys;
        for (const auto& [key, value] : document.items()) keys.push_back(key);
        fail(ErrorCategory::BadData,
             "{}: there is no '{}'.{} A comparison has at least left_model, right_model and "
             "outcome",
             where, kColumns[i], did_you_mean(kColumns[i], keys));
      }
      *field_of(fields, i) = values[i];
    }
    builder.add(fields, number);
  }
  return builder.finish();
}

Comparisons read_comparisons(const std::filesystem::path& path) {
  if (is_store(path)) return ComparisonStore::open(path).read();
  const std::string text = read_file(path);
  if (path.extension() == ".csv") return parse_csv_comparisons(text, path.string());
  if (path.extension() == ".jsonl") return parse_jsonl_comparisons(text, path.string());
  fail(ErrorCategory::Unsupported,
       "{}: comparisons are read from .csv, .jsonl, and the store that 'molmo arena import' writes; rename the file by "
       "what is in it",
       path.string());
}

}  // namespace molmo::arena
