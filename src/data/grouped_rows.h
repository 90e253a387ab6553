// Files that hold one row for each question, read as one example for each picture: TallyQA, DVQA, FigureQA, PlotQA.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "data/json_rows.h"
#include "data/row.h"

namespace molmo::data {

// What a set calls the columns.
struct GroupedColumns {
  std::string_view picture;  // equal for the questions about one picture
  std::string_view question = "question";
};

class GroupedRows {
 public:
  GroupedRows(JsonRows rows, const GroupedColumns& columns)
      : rows_(std::move(rows)), columns_(columns), groups_(rows_, columns.picture) {}

  size_t size() const { return groups_.size(); }
  // The first row of the group with the column `questions` for grouped_questions(): lists of all questions and answers.
  Json picture(size_t index) const;
  std::string where(size_t index) const { return rows_.where(groups_.group(index).front()); }

 private:
  JsonRows rows_;
  GroupedColumns columns_;
  RowGroups groups_;
};

}  // namespace molmo::data
