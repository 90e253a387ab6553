// The rows of a JSON file that may be larger than memory: PlotQA's questions have gigabytes. The file is mapped and
// read through once to find where each row begins; a row is parsed when it is asked for.
//   JsonRows rows = JsonRows::of_array("questions.json", "questions");   // {"questions": [ROW, ROW, ...]}
//   Json row = rows.row(7);
// Const calls are thread-safe. Errors name file and row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace molmo::data {

class JsonRows {
 public:
  // The elements of the array that is the document, or its member `key`. Throws NotFound, or BadData where the file is
  // cut off or has no such array.
  static JsonRows of_array(const std::filesystem::path& path, std::string_view key = "");
  // The members of the object that is the document; `name` gives their keys.
  static JsonRows of_object(const std::filesystem::path& path);
  // One row in each line that is not blank.
  static JsonRows of_lines(const std::filesystem::path& path);

  size_t size() const { return rows_.size(); }
  Json row(size_t index) const;
  std::string name(size_t index) const;   // of a member; "" for elements
  std::string where(size_t index) const;  // "FILE, row 7", counted from 0
  // The text of a number or string that is member `key` of the row, as it stands in the file: cheaper than parsing the
  // row, and enough to tell equal from different. Throws BadData where the row has no such member.
  std::string_view member_text(size_t index, std::string_view key) const;

 private:
  struct Span {
    uint64_t offset = 0;
    uint32_t num_bytes = 0;
    uint32_t name_bytes = 0;  // the quoted key stands in front of the row, `name_offset` before it
    uint32_t name_offset = 0;
  };
  class Scanner;

  explicit JsonRows(const std::filesystem::path& path);
  std::string_view text() const;
  std::string_view row_text(size_t index) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<Span> rows_;
};

// Rows that belong together: those with the same `key`, in the order in which the groups first appear.
class RowGroups {
 public:
  RowGroups(const JsonRows& rows, std::string_view key);
  size_t size() const { return groups_.size(); }
  const std::vector<uint32_t>& group(size_t index) const { return groups_[index]; }

 private:
  std::vector<std::vector<uint32_t>> groups_;
};

}  // namespace molmo::data
