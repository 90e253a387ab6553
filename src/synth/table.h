// What a table says, and what is asked about it: the same for all that draw tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "synth/docs.h"

namespace molmo::synth {

struct TableColumn {
  std::string name;
  bool is_number = true;
  std::vector<std::string> cells;
  std::vector<int64_t> values;  // of numbers
};

struct Table {
  std::string title, word;           // no title: empty; word for what a row is about: "fruit"
  std::vector<TableColumn> columns;  // the first says what each row is about

  size_t num_rows() const { return columns.front().cells.size(); }
};

Table draw_table_data(const FigureContext& context);
void describe_table(Page& page, const Table& table);
Questions ask_about_table(const Table& table, const FigureContext& context);

}  // namespace molmo::synth
