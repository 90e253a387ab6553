// Own data: JSON lines, or rows of a parquet table (data/record_file.h), one object for each picture (docs/data.md).
//   {"id": "kitchen-1", "image": "photos/kitchen.jpg", "annotations": [
//      {"style": "user_qa", "question": "What is on the stove?", "answer": "A kettle."},
//      {"style": "long_caption", "text": "A small kitchen with ..."},
//      {"style": "pointing", "label": "mug", "points": [[12.5, 40.1]], "point_scale": 100},
//      {"style": "user_qa", "messages": ["Hello.", "Hi!", "What is this?", "A kitchen."]}]}
// `image` is relative to the file, or null. `point_scale` is the coordinate that stands for 100 percent; null: pixels.
// Instead of annotations: `text`, plain text for the objective text, or `label_map`, a PNG for patch_labels. `weight`
// multiplies the loss weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"

namespace molmo::data {

// Throws BadData, naming `where`, for anything that is not as above; files are not opened. `folder`: of relative paths.
Example parse_record(const Json& record, const std::filesystem::path& folder, std::string_view where);

// The other way round; paths are written relative to `folder` where they are below it. Throws Unsupported for what the
// format cannot say: several pictures, pictures in memory.
Json to_record(const Example& example, const std::filesystem::path& folder);

struct RecordProblem {
  size_t number = 0;  // of the line, counted from 1; of the row of a table, from 0
  std::string message;
};

struct RecordCheck {
  uint64_t num_records = 0;
  uint64_t num_problems = 0;
  std::vector<RecordProblem> problems;  // the first ones
};

struct RecordCheckOptions {
  bool decode_pictures = true;  // false: only look whether they exist
  size_t max_problems = 100;    // that are described
};

// Reads every record: syntax, fields, ids that occur twice, pictures and label maps.
RecordCheck check_records(const std::filesystem::path& path, const RecordCheckOptions& options = {});

}  // namespace molmo::data
