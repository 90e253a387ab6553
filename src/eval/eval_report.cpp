#include "eval/eval_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "eval/benchmark.h"
#include "report/page.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;
using Row = std::vector<std::string>;

struct Table {
  Row header;
  std::vector<Row> rows;
};

// Scores about drawn pictures stand beside the paper's, but do not compare with them.
constexpr const char* kDrawnMark = " (drawn pictures)";
constexpr size_t kMostFailures = 12;  // of a benchmark on the page

std::string percent(const std::optional<double>& value) {
  return value ? fmt::format("{:.1f}", *value) : "";
}

// Our rows first, then the paper's.
Table eleven_table(const std::vector<FinishedRun>& runs) {
  Table table{{"model"}, {}};
  for (const PaperColumn& column : paper_columns()) table.header.emplace_back(column.title);
  table.header.emplace_back("average");
  for (const FinishedRun& run : runs) {
    const auto scores = run.eleven();
    Row row = {run.name + (run.has_drawn_columns() ? kDrawnMark : "")};
    for (const auto& score : scores) row.push_back(percent(score));
    row.push_back(percent(average_of_eleven(scores)));
    table.rows.push_back(std::move(row));
  }
  for (const PaperRow& paper : paper_rows()) {
    Row row = {std::string(paper.model) + " (paper)"};
    for (const double score : paper.scores) row.push_back(percent(score));
    row.push_back(percent(paper.printed_average));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table score_table(const FinishedRun& run) {
  Table table{{"benchmark", "score", "mean", "95 % interval", "questions"}, {}};
  for (const FinishedBenchmark& benchmark : run.benchmarks) {
    const Json& intervals = benchmark.scores->at("intervals");
    const Json numbers = benchmark.scores->value("numbers", Json::object());
    for (const auto& [name, mean] : benchmark.scores->at("scores").items()) {
      const Json& interval = intervals.at(name);
      table.rows.push_back({benchmark.name + benchmark.remark(), name, fmt::format("{:.3f}", mean.get<double>()),
                            fmt::format("{:.3f} to {:.3f}", interval.at(0).get<double>(), interval.at(1).get<double>()),
                            std::to_string(numbers.value(name, int64_t{0}))});
    }
  }
  return table;
}

// One table for each category of a benchmark: a line for each value.
std::vector<std::pair<std::string, Table>> category_tables(const FinishedBenchmark& benchmark) {
  std::vector<std::pair<std::string, Table>> tables;
  for (const auto& [category, values] : benchmark.scores->at("by_category").items()) {
    Table table{{category, "n"}, {}};
    for (const auto& [value, scores] : values.items()) {
      for (const auto& [name, unused] : scores.items()) {
        if (name != "n" && std::find(table.header.begin(), table.header.end(), name) == table.header.end())
          table.header.push_back(name);
      }
    }
    for (const auto& [value, scores] : values.items()) {
      Row row = {value, std::to_string(scores.value("n", int64_t{0}))};
      for (size_t i = 2; i < table.header.size(); ++i)
        row.push_back(scores.contains(table.header[i]) ? fmt::format("{:.3f}", scores[table.header[i]].get<double>())
                                                       : "");
      table.rows.push_back(std::move(row));
    }
    tables.emplace_back(fmt::format("{} by {}", benchmark.name, category), std::move(table));
  }
  return tables;
}

// Main score of one prediction, or any other where that is made of groups; empty where nothing applied.
std::optional<double> item_score(const FinishedBenchmark& benchmark, const Json& prediction) {
  const Json scores = prediction.value("scores", Json::object());
  if (scores.empty()) return std::nullopt;
  const auto main = scores.find(std::string(find_benchmark(benchmark.name).main_score));
  return (main == scores.end() ? scores.begin() : main)->get<double>();
}

// As eval/run.cpp names them.
std::string picture_name(const Json& prediction) {
  std::string name = prediction.at("id").get<std::string>() + ".jpg";
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

std::vector<const Json*> failures(const FinishedBenchmark& benchmark) {
  std::vector<const Json*> wrong;
  for (const auto& [id, prediction] : benchmark.predictions) {
    const auto score = item_score(benchmark, *prediction);
    if (score && *score < 0.5) wrong.push_back(prediction.get());
  }
  // Those with a picture first.
  std::stable_partition(wrong.begin(), wrong.end(), [&](const Json* prediction) {
    return fs::exists(benchmark.folder / "failures" / picture_name(*prediction));
  });
  if (wrong.size() > kMostFailures) wrong.resize(kMostFailures);
  return wrong;
}

Json differences(const FinishedRun& before, const FinishedRun& after) {
  Json all = Json::array();
  for (const FinishedBenchmark& benchmark : after.benchmarks) {
    const FinishedBenchmark* other = before.find(benchmark.name);
    if (other == nullptr) continue;
    Json scores = Json::object();
    for (const auto& [name, mean] : benchmark.scores->at("scores").items()) {
      if (const auto was = other->score(name)) scores[name] = {*was, mean, mean.get<double>() - *was};
    }
    Json better = Json::array(), worse = Json::array();
    for (const auto& [id, prediction] : benchmark.predictions) {
      const auto found = other->predictions.find(id);
      if (found == other->predictions.end()) continue;
      const auto is = item_score(benchmark, *prediction), was = item_score(*other, *found->second);
      if (is && was && *is != *was) (*is > *was ? better : worse).push_back(id);
    }
    all.push_back({{"benchmark", benchmark.name}, {"scores", scores}, {"better", better}, {"worse", worse}});
  }
  return all;
}

std::vector<Table> difference_tables(const Json& differences) {
  Table table{{"benchmark", "score", "before", "after", "difference", "answers better", "answers worse"}, {}};
  for (const Json& benchmark : differences) {
    for (const auto& [name, values] : benchmark.at("scores").items()) {
      table.rows.push_back(
          {benchmark.at("benchmark").get<std::string>(), name, fmt::format("{:.3f}", values[0].get<double>()),
           fmt::format("{:.3f}", values[1].get<double>()), fmt::format("{:+.3f}", values[2].get<double>()),
           std::to_string(benchmark.at("better").size()), std::to_string(benchmark.at("worse").size())});
    }
  }
  return {table};
}

// The first answers that became worse and better.
Table changed_answers(const std::vector<FinishedRun>& runs, const Json& differences) {
  constexpr size_t kMost = 4;  // of a benchmark, of each kind
  Table table{{"benchmark", "question", "change", runs[0].name, runs[1].name}, {}};
  for (const Json& difference : differences) {
    const auto name = difference.at("benchmark").get<std::string>();
    const FinishedBenchmark &before = *runs[0].find(name), &after = *runs[1].find(name);
    for (const char* change : {"worse", "better"}) {
      const Json& ids = difference.at(change);
      for (size_t i = 0; i < std::min(ids.size(), kMost); ++i) {
        const auto id = ids[i].get<std::string>();
        const Json &was = *before.predictions.at(id), &is = *after.predictions.at(id);
        table.rows.push_back(
            {name, is.value("prompt", id), change, was.value("prediction", ""), is.value("prediction", "")});
      }
    }
  }
  return table;
}

std::string markdown(const Table& table) {
  const auto line = [](const Row& cells) {
    std::string text = "|";
    for (std::string cell : cells) {
      for (size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
      std::replace(cell.begin(), cell.end(), '\n', ' ');
      text += " " + cell + " |";
    }
    return text + "\n";
  };
  std::string text = line(table.header);
  text += line(Row(table.header.size(), "---"));
  for (const Row& row : table.rows) text += line(row);
  return text + "\n";
}

void add_table(report::Page& page, const Table& table) {
  std::vector<std::vector<report::Html>> rows;
  for (const Row& row : table.rows) {
    auto& cells = rows.emplace_back();
    for (const std::string& cell : row) cells.push_back(report::text(cell));
  }
  page.table(table.header, rows);
}

// "f1 0.250", a line for each.
std::string score_lines(const Json& prediction) {
  const Json scores = prediction.value("scores", Json::object());
  std::string lines;
  for (const auto& [name, value] : scores.items())
    lines += fmt::format("{}{} {:.3f}", lines.empty() ? "" : "\n", name, value.get<double>());
  return lines;
}

void add_failures(report::Page& page, const FinishedBenchmark& benchmark) {
  const auto wrong = failures(benchmark);
  if (wrong.empty()) return;
  page.heading(fmt::format("{}: wrong answers", benchmark.name));
  std::vector<std::vector<report::Html>> rows;
  for (const Json* prediction : wrong) {
    const std::string id = prediction->at("id").get<std::string>();
    report::Html picture;
    const fs::path file = benchmark.folder / "failures" / picture_name(*prediction);
    if (fs::exists(file)) {
      const std::string bytes = read_file(file);
      picture = report::picture(std::as_bytes(std::span(bytes)), id);
    }
    rows.push_back({picture, report::text(prediction->value("prompt", "")),
                    report::text(prediction->value("prediction", "")), report::text(prediction->value("parsed", "")),
                    report::text(score_lines(*prediction))});
  }
  page.table({"picture", "prompt", "answer", "read as", "scores"}, rows);
}

}  // namespace

Json report_json(const std::vector<FinishedRun>& runs) {
  Json ours = Json::array(), paper = Json::array();
  for (const FinishedRun& run : runs) {
    Json benchmarks = Json::array();
    for (const FinishedBenchmark& benchmark : run.benchmarks) benchmarks.push_back(*benchmark.scores);
    const auto average = average_of_eleven(run.eleven());
    ours.push_back({{"name", run.name},
                    {"average_of_eleven", average ? Json(*average) : Json(nullptr)},
                    {"benchmarks", benchmarks}});
  }
  for (const PaperRow& row : paper_rows())
    paper.push_back({{"model", row.model}, {"scores", row.scores}, {"average", row.printed_average}});
  Json report = {{"runs", ours}, {"paper", paper}};
  if (runs.size() == 2) report["differences"] = differences(runs[0], runs[1]);
  return report;
}

std::string report_markdown(const std::vector<FinishedRun>& runs) {
  std::string text = "# Evaluation\n\nPercent; the average is that of all eleven, where all are there.\n\n" +
                     markdown(eleven_table(runs));
  for (const FinishedRun& run : runs) {
    text += "## " + run.name + "\n\n" + markdown(score_table(run));
    for (const FinishedBenchmark& benchmark : run.benchmarks) {
      for (const auto& [title, table] : category_tables(benchmark)) text += "### " + title + "\n\n" + markdown(table);
    }
  }
  if (runs.size() == 2) {
    text += fmt::format("## {} after {}\n\n", runs[1].name, runs[0].name);
    for (const Table& table : difference_tables(differences(runs[0], runs[1]))) text += markdown(table);
  }
  return text;
}

std::string report_html(const std::vector<FinishedRun>& runs) {
  report::Page page("Evaluation");
  page.paragraph(
      "Percent, in the order of the paper's table 1; the average is that of all eleven, where all are there.");
  add_table(page, eleven_table(runs));
  if (runs.size() == 2) {
    page.heading(fmt::format("{} after {}", runs[1].name, runs[0].name));
    const Json changes = differences(runs[0], runs[1]);
    for (const Table& table : difference_tables(changes)) add_table(page, table);
    page.heading("Answers that changed");
    add_table(page, changed_answers(runs, changes));
  }
  for (const FinishedRun& run : runs) {
    page.heading(run.name);
    add_table(page, score_table(run));
    for (const FinishedBenchmark& benchmark : run.benchmarks) {
      for (const auto& [title, table] : category_tables(benchmark)) {
        page.heading(title);
        add_table(page, table);
      }
      add_failures(page, benchmark);
    }
  }
  return page.html();
}

void write_report(const std::vector<FinishedRun>& runs, const fs::path& folder) {
  fs::create_directories(folder);
  write_file_atomic(folder / "report.html", report_html(runs));
  write_file_atomic(folder / "report.md", report_markdown(runs));
  write_json_file(folder / "report.json", report_json(runs));
}

}  // namespace molmo::eval
