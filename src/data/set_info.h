// What there is to know about a data set before it is used.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/parquet.h"
#include "data/registry.h"

namespace molmo::data {

struct SplitInfo {
  std::string name;
  std::optional<uint64_t> num_examples;  // empty: the split cannot be opened
  std::string problem;                   // why not
};

struct PromptInfo {
  std::string style;
  std::string prompt;             // a question in this style, as the released models read it
  size_t num_templates = 0;       // ways in which it is asked; 0: as the set words it
  bool is_rarely_tagged = false;  // a tenth of the prompts carries the style as a tag
};

struct SetInfo {
  std::string name, summary, origin, licence, splits;
  std::vector<TableColumn> columns;  // of a PixMo table
  std::vector<PromptInfo> prompts;
  std::vector<SplitInfo> found;  // where a folder was given

  std::string text() const;
  Json json() const;
};

// `path` may be empty.
SetInfo set_info(const DatasetEntry& set, const std::filesystem::path& path);

}  // namespace molmo::data
