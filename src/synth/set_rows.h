// Samples as rows of the published tables (data/pixmo.h), so that what was made is read as what was collected.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "synth/generator.h"

namespace molmo::synth {

// Name of the table's columns in data::pixmo_columns, "" for kinds that are written as own data.
std::string_view table_name(Schema schema);

struct TableRow {
  std::string folder;  // below that of the set: "data", or the part of PixMo-Docs
  std::shared_ptr<const Json> row;
};

struct WrittenPicture {
  std::string id;     // "points-0000007"
  std::string bytes;  // JPEG
  std::string path;   // below the folder of the set; PixMo-Docs carries its pictures in the table
};

// The picture's rows: one for each thing to point at, each question, or each conversation. Throws Internal for a
// sample that is not of the schema.
std::vector<TableRow> table_rows(Schema schema, const SynthSample& sample, const WrittenPicture& picture);

}  // namespace molmo::synth
