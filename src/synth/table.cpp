// Tables of a few things with numbers and words about them.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "synth/draws.h"
#include "synth/table.h"

namespace molmo::synth {
namespace {

TableColumn number_column(const std::string& name, size_t num_rows, const FigureContext& context) {
  TableColumn column{name, true, {}, {}};
  static constexpr int64_t kEasyMost[] = {20};
  static constexpr int64_t kMost[] = {20, 50, 99, 200, 500, 1000};
  const int64_t most = draw_most(kEasyMost, kMost, context);
  while (column.values.size() < num_rows) {
    const int64_t value = whole(context.draws, 1, most);
    if (std::find(column.values.begin(), column.values.end(), value) != column.values.end()) continue;
    column.values.push_back(value);
    column.cells.push_back(std::to_string(value));
  }
  return column;
}

// Other words than those in the first column.
TableColumn word_column(size_t num_rows, const Topic& topic, const FigureContext& context) {
  std::vector<std::pair<std::string_view, std::string_view>> lists = {
      {"cities", "City"}, {"days", "Day"}, {"drinks", "Drink"}, {"jobs", "Job"}, {"sports", "Sport"}};
  std::erase_if(lists, [&](const auto& entry) { return entry.first == topic.categories; });
  const auto& [list, name] = pick(context.draws, lists);
  TableColumn column{std::string(name), false, {}, {}};
  for (size_t i = 0; i < num_rows; ++i) column.cells.push_back(context.words.pick(list, context.draws));
  return column;
}

void ask_about(const TableColumn& keys, const TableColumn& column, const std::string& word, RandomStream& draws,
               Questions& questions) {
  const size_t num_rows = keys.cells.size();
  for (size_t i = 0; i < num_rows; ++i) {
    const double weight = 3.0 / static_cast<double>(num_rows);
    questions.push_back(
        {"What is in the column " + column.name + " for " + keys.cells[i] + "?", column.cells[i], weight});
    if (std::count(column.cells.begin(), column.cells.end(), column.cells[i]) == 1) {
      questions.push_back({"Which " + word + " has " + column.cells[i] + " in the column " + column.name + "?",
                           keys.cells[i], weight * 0.5});
    }
  }
  if (!column.is_number || num_rows < 2) return;
  const auto& values = column.values;
  const auto highest = std::max_element(values.begin(), values.end()),
             lowest = std::min_element(values.begin(), values.end());
  questions.push_back({"Which " + word + " has the highest number in the column " + column.name + "?",
                       keys.cells[static_cast<size_t>(highest - values.begin())], 1.2});
  questions.push_back({"Which " + word + " has the lowest number in the column " + column.name + "?",
                       keys.cells[static_cast<size_t>(lowest - values.begin())], 1});
  questions.push_back({"What is the highest number in the column " + column.name + "?", std::to_string(*highest), 0.6});
  const size_t a = draws.below(num_rows), b = (a + 1 + draws.below(num_rows - 1)) % num_rows;
  questions.push_back(
      {"Does " + keys.cells[a] + " have a higher number in the column " + column.name + " than " + keys.cells[b] + "?",
       values[a] > values[b] ? "Yes" : "No", 0.8});
  if (num_rows <= 4) {
    questions.push_back({"What is the sum of the column " + column.name + "?",
                         std::to_string(std::accumulate(values.begin(), values.end(), int64_t{0})), 0.3});
  }
}

}  // namespace

Table draw_table_data(const FigureContext& context) {
  RandomStream& draws = context.draws;
  const auto num_rows =
      static_cast<size_t>(context.is_easy ? whole(draws, 2, 3) : whole(draws, 3, context.is_hard ? 9 : 6));
  const size_t num_others = context.is_easy ? 1 : static_cast<size_t>(whole(draws, 1, context.is_hard ? 4 : 3));
  const Topic& topic = context.words.topic(draws);
  std::string head = topic.word;
  head[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(head[0])));
  Table table{{}, topic.word, {{head, false, context.words.pick_some(topic.categories, num_rows, draws), {}}}};
  std::vector<std::string> measures = topic.measures;
  shuffle(draws, measures);
  bool has_words = false;
  for (size_t i = 0; i < num_others && i < measures.size(); ++i) {
    const bool is_words = !has_words && chance(draws, context.is_easy ? 0.25 : 0.3);
    table.columns.push_back(is_words ? word_column(num_rows, topic, context)
                                     : number_column(measures[i], num_rows, context));
    has_words = has_words || is_words;
  }
  if (chance(draws, 0.6)) table.title = context.words.title(topic, draws);
  return table;
}

Questions draw_table(Page& page, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const Table table = draw_table_data(context);
  const auto& [title, word, columns] = table;
  const size_t num_rows = table.num_rows();

  const double margin = page.side() * between(draws, 0.04, 0.07);
  double top = margin, size = page.size(context.is_easy ? 0.105 : 0.045);
  if (!title.empty()) {
    page.text(title, {.x = page.width() / 2,
                      .baseline = top + page.cap_height(size * 1.1),
                      .size = size * 1.1,
                      .align = Align::Center,
                      .style = FontStyle::Bold,
                      .max_width = page.width() - 2 * margin});
    top += size * 1.7;
  }
  // Columns get room by their longest cell; rows are as high as the text likes, or as the page allows.
  std::vector<double> widths;
  double total = 0;
  for (const TableColumn& column : columns) {
    double widest = page.text_width(column.name, size, FontStyle::Bold);
    for (const std::string& cell : column.cells) widest = std::max(widest, page.text_width(cell, size));
    widths.push_back(widest + size * 1.2);
    total += widths.back();
  }
  const double room = page.width() - 2 * margin;
  if (total > room) size *= room / total;
  const double stretch = total > room || chance(draws, 0.6) ? room / total : 1;
  for (double& width : widths) width *= stretch;
  const double row_height =
      std::min(size * between(draws, 1.7, 2.3), (page.height() - margin - top) / static_cast<double>(num_rows + 1));
  const double left = margin, right = left + total * stretch,
               bottom = top + row_height * static_cast<double>(num_rows + 1);
  const bool has_head_fill = chance(draws, 0.6), has_stripes = chance(draws, 0.4),
             has_grid = !has_stripes || chance(draws, 0.5);
  const Color head_fill = mix(page.style().accent, page.style().paper, 0.1);
  const Color head_ink = luminance(head_fill) > 0.55 ? Color{0.05, 0.05, 0.05} : Color{1, 1, 1};
  if (has_head_fill) page.rectangle(left, top, right - left, row_height, head_fill);
  for (size_t i = 1; has_stripes && i <= num_rows; i += 2)
    page.rectangle(left, top + row_height * static_cast<double>(i), right - left, row_height,
                   mix(page.style().paper, page.style().ink, 0.07));
  const double line_width = std::max(1.0, page.side() * 0.004);
  for (size_t i = 0; i <= num_rows + 1; ++i) {
    if (!has_grid && i > 1 && i <= num_rows) continue;
    const double y = std::round(top + row_height * static_cast<double>(i)) + 0.5;
    page.line(left, y, right, y, page.style().faint, line_width);
  }
  double x = left;
  const bool is_centered = chance(draws, 0.3);
  for (size_t k = 0; k < columns.size(); ++k) {
    if (has_grid) page.line(std::round(x) + 0.5, top, std::round(x) + 0.5, bottom, page.style().faint, line_width);
    const Align align = is_centered ? Align::Center : columns[k].is_number ? Align::Right : Align::Left;
    const double pad = size * 0.4;
    const double at = align == Align::Left ? x + pad : align == Align::Right ? x + widths[k] - pad : x + widths[k] / 2;
    TextPlace place{
        .x = at, .size = size, .align = align, .style = FontStyle::Bold, .max_width = widths[k] - pad * 1.5};
    if (has_head_fill) place.color = &head_ink;
    page.text_at_middle(columns[k].name, place, top + row_height / 2);
    place.style = FontStyle::Regular;
    place.color = nullptr;
    for (size_t i = 0; i < num_rows; ++i)
      page.text_at_middle(columns[k].cells[i], place, top + row_height * (static_cast<double>(i) + 1.5));
    x += widths[k];
  }
  if (has_grid)
    page.line(std::round(right) + 0.5, top, std::round(right) + 0.5, bottom, page.style().faint, line_width);

  describe_table(page, table);
  return ask_about_table(table, context);
}

void describe_table(Page& page, const Table& table) {
  Json& truth = page.truth();
  truth["part"] = "tables";
  truth["figure"] = "table";
  truth["title"] = table.title;
  for (const TableColumn& column : table.columns)
    truth["columns"].push_back({{"name", column.name}, {"cells", column.cells}});
}

Questions ask_about_table(const Table& table, const FigureContext& context) {
  RandomStream& draws = context.draws;
  const auto& [title, word, columns] = table;
  const size_t num_rows = table.num_rows();
  Questions questions;
  for (size_t k = 1; k < columns.size(); ++k) ask_about(columns[0], columns[k], word, draws, questions);
  questions.push_back({"How many rows does the table have?", std::to_string(num_rows), 0.6});
  questions.push_back({"How many columns does the table have?", std::to_string(columns.size()), 0.4});
  if (!title.empty()) questions.push_back({"What is the title of the table?", title, 1});
  static constexpr std::string_view kPlaces[] = {"first", "second", "third"};
  const size_t row = draws.below(std::min<size_t>(num_rows, 3));
  questions.push_back({fmt::format("Which {} is in the {} row?", word, kPlaces[row]), columns[0].cells[row], 1});
  return questions;
}

}  // namespace molmo::synth
