// Tables of comma-separated values (RFC 4180): the first line names the columns; a value in quotes may hold commas,
// line breaks and doubled quotes.
#pragma once

#include <filesystem>
#include <vector>

#include "base/json.h"

namespace molmo::data {

// One object of texts for each line. Throws BadData, naming file and row, for a line with more or fewer values than
// there are columns.
std::vector<Json> read_csv(const std::filesystem::path& path);

}  // namespace molmo::data
