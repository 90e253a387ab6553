// Whether every example of a data set can be trained on: it is read, its pictures are decoded, its prompts are written.
//   const RecordCheck check = check_set(*open_dataset(source), {});
// For own files there is check_records() of data/jsonl.h, which reads them line by line.
#pragma once

#include "data/dataset.h"
#include "data/jsonl.h"

namespace molmo::data {

// Problems are numbered by example. Reports progress.
RecordCheck check_set(const Dataset& dataset, const RecordCheckOptions& options);

}  // namespace molmo::data
