#include "data/grouped_rows.h"

#include <nlohmann/json.hpp>

namespace molmo::data {

Json GroupedRows::picture(size_t index) const {
  Json first, questions = Json::array(), answers = Json::array();
  for (const uint32_t number : groups_.group(index)) {
    Json columns = rows_.row(number);
    const Row row(columns, rows_.where(number));
    questions.push_back(row.text(columns_.question));
    answers.push_back(row.has("answer") ? row.value("answer") : Json());
    if (first.is_null()) first = std::move(columns);
  }
  first["questions"] = {{"question", questions}, {"answer", answers}};
  return first;
}

}  // namespace molmo::data
