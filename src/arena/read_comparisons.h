// Comparisons from files: a table of comma-separated values whose first line names the columns, JSON lines with the
// columns as keys, or a store (arena/store.h). All of a file is checked; an error names the line and the cure.
#pragma once

#include <filesystem>
#include <string_view>

#include "arena/comparison.h"

namespace molmo::arena {

// By the first bytes a store, else by the ending: .csv or .jsonl. Throws NotFound, Unsupported for other endings, and
// BadData for what is not as arena/comparison.h says, for values of more than 4 KiB and files of more than 1 GiB.
Comparisons read_comparisons(const std::filesystem::path& path);

// `source` names the text in errors.
Comparisons parse_csv_comparisons(std::string_view text, std::string_view source);
Comparisons parse_jsonl_comparisons(std::string_view text, std::string_view source);

}  // namespace molmo::arena
