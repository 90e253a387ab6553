#include "eval/score_predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace molmo::eval {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostBytes = uint64_t{4} << 30;

// Calls `read` for every line that is not blank.
void for_each_line(const fs::path& file, const std::function<void(const Json& line, const std::string& where)>& read) {
  const std::string text = read_file(file, kMostBytes);
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const std::string where = fmt::format("{}, line {}", file.string(), ++number);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Json json = parse_json(line, where);
    if (!json.is_object())
      fail(ErrorCategory::BadData, "{}: expected an object, found {}", where, dump_json(json).substr(0, 100));
    read(json, where);
  }
}

// Numbers are accepted as ids, because the published sets have them.
std::string read_id(const Json& line, const std::string& where) {
  if (!line.contains("id")) fail(ErrorCategory::BadData, "{}: there is no 'id'", where);
  const Json& id = line["id"];
  if (!id.is_string() && !id.is_number_integer())
    fail(ErrorCategory::BadData, "{}: 'id' is {}, expected a text or a whole number", where,
         dump_json(id).substr(0, 100));
  return id.is_string() ? id.get<std::string>() : id.dump();
}

// The first few, and how many there are.
std::string name_some(const std::vector<std::string>& ids) {
  constexpr size_t kMost = 5;
  std::string text;
  for (size_t i = 0; i < std::min(ids.size(), kMost); ++i) text += (i > 0 ? ", '" : "'") + ids[i] + "'";
  return ids.size() > kMost ? fmt::format("{} and {} more", text, ids.size() - kMost) : text;
}

// Calls `read` with the fields that a metric needs.
template <class Read>
auto with_fields(const Benchmark& benchmark, const Reference& reference, const Read& read) {
  try {
    return read(*reference.fields);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCategory::BadData, "the reference '{}' is not one of {}: {}", reference.id, benchmark.name, error.what());
  }
}

}  // namespace

std::map<std::string, std::string> read_predictions(const fs::path& file) {
  std::map<std::string, std::string> predictions;
  for_each_line(file, [&](const Json& line, const std::string& where) {
    const std::string id = read_id(line, where);
    if (!line.contains("prediction") || !line["prediction"].is_string())
      fail(ErrorCategory::BadData, "{}: 'prediction' of '{}' is {}, expected a text", where, id,
           line.contains("prediction") ? dump_json(line["prediction"]).substr(0, 100) : "missing");
    if (!predictions.emplace(id, line["prediction"].get<std::string>()).second)
      fail(ErrorCategory::BadData, "{}: '{}' has a prediction on an earlier line", where, id);
  });
  return predictions;
}

std::vector<Reference> read_references(const Benchmark& benchmark, const BenchmarkData& data) {
  std::vector<Reference> references;
  std::set<std::string> ids;
  const auto add = [&](std::string id, std::shared_ptr<const Json> fields, const std::string& where) {
    if (!ids.insert(id).second) fail(ErrorCategory::BadData, "{}: '{}' is there twice", where, id);
    references.push_back({std::move(id), std::move(fields)});
  };
  if (fs::exists(data.path / "references.jsonl")) {
    for_each_line(data.path / "references.jsonl", [&](const Json& line, const std::string& where) {
      add(read_id(line, where), std::make_shared<const Json>(line), where);
    });
    return references;
  }
  const auto dataset = open_benchmark(benchmark, data);
  for (size_t i = 0; i < dataset->size(); ++i) {
    RandomStream draws(0, dataset->name(), i);
    for (Question& question : benchmark.ask(dataset->example(i, draws)))
      add(std::move(question.id), std::move(question.reference), dataset->name());
  }
  return references;
}

BenchmarkScores score_predictions(const Benchmark& benchmark, const std::vector<Reference>& references,
                                  const std::map<std::string, std::string>& predictions, const ScoreOptions& options) {
  ScoreTable table;
  std::vector<CaptionToJudge> captions;
  std::vector<std::string> missing;
  std::set<std::string> known;
  for (const Reference& reference : references) {
    known.insert(reference.id);
    const auto prediction = predictions.find(reference.id);
    if (prediction == predictions.end()) {
      missing.push_back(reference.id);
      continue;
    }
    with_fields(benchmark, reference, [&](const Json& fields) {
      if (benchmark.is_judged) {
        captions.push_back({reference.id, prediction->second, fields.at("references").get<std::vector<std::string>>()});
      } else {
        table.add(benchmark.score(fields, prediction->second, options.quirks));
      }
    });
  }
  std::vector<std::string> unknown;
  for (const auto& [id, unused] : predictions) {
    if (!known.contains(id)) unknown.push_back(id);
  }
  if (!unknown.empty()) {
    const std::string also =
        missing.empty() ? ""
                        : fmt::format("; and of {} questions there is none: {}", missing.size(), name_some(missing));
    fail(ErrorCategory::BadData, "{} of {} predictions are of questions that {} does not have: {}{}", unknown.size(),
         predictions.size(), benchmark.name, name_some(unknown), also);
  }
  if (!missing.empty() && !options.allows_missing) {
    fail(ErrorCategory::BadData,
         "{} of {} questions of {} have no prediction: {}. Hint: a partial score is given with --partial",
         missing.size(), references.size(), benchmark.name, name_some(missing));
  }
  if (benchmark.is_judged) {
    JudgedCaptions judged = judge_captions(*options.judge, captions, {}, [] { return false; });
    for (ItemScores& scored : judged.scores) table.add(std::move(scored));
  }
  return table.summarize(benchmark.name, benchmark.balanced, static_cast<int64_t>(missing.size()));
}

}  // namespace molmo::eval
