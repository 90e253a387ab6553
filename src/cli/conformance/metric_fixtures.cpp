#include "cli/conformance/metric_fixtures.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/formatting_case.h"
#include "cli/conformance/kind.h"
#include "eval/android_steps.h"
#include "eval/answers.h"
#include "eval/masks.h"
#include "eval/math_vista.h"
#include "eval/mmmu.h"
#include "eval/pointing.h"
#include "eval/readings.h"
#include "eval/vqa.h"

namespace molmo::conformance {
namespace {

using Strings = std::vector<std::string>;
constexpr auto kQuirks = config::Quirks::Reference;
constexpr double kSinglePrecision = 1e-5, kDoublePrecision = 1e-9;

std::string text(const Json& item, const char* key) {
  return item.at(key).get<std::string>();
}
// A text, or a list of texts.
Strings texts(const Json& value) {
  return value.is_string() ? Strings{value.get<std::string>()} : value.get<Strings>();
}
ImageSize picture_size(const Json& item) {
  return {item.at("height").get<int64_t>(), item.at("width").get<int64_t>()};
}
PointPx point(const Json& pair) {
  return {pair.at(0).get<double>(), pair.at(1).get<double>()};
}

double best_of(const Json& answers, const std::function<double(const std::string&)>& score) {
  double best = 0;
  for (const std::string& answer : texts(answers)) best = std::max(best, score(answer));
  return best;
}

double exact(const Json& item) {
  const std::string cleaned = eval::clean_prediction(text(item, "raw"));
  return best_of(item.at("answers"), [&](const std::string& answer) { return eval::exact_match(answer, cleaned); });
}

double vqa(const Json& answers, const std::string& prediction) {
  if (answers.is_string()) return eval::vqa_score(answers.get<std::string>(), prediction, kQuirks);
  return eval::vqa_score(answers.get<Strings>(), prediction, kQuirks);
}

eval::PointingScore pointing(const Json& item) {
  std::vector<PointPx> truth;
  for (const Json& pair : item.at("gt_points")) truth.push_back(point(pair));
  return eval::score_pointing(text(item, "prediction"), picture_size(item), truth, eval::read_masks(item));
}

Json pointing_json(const eval::PointingScore& score) {
  return {{"precision", score.precision}, {"recall", score.recall}, {"f1", score.f1}};
}

Json read_points(const Json& item) {
  const std::string answer = text(item, "text");
  const ImageSize size = picture_size(item);
  Json points = Json::array(), boxes = Json::array();
  for (const PointPx& px : eval::predicted_points(answer, size)) points.push_back({px.x, px.y});
  for (size_t i = 0; i + 1 < points.size(); i += 2)
    boxes.push_back({points[i][0], points[i][1], points[i + 1][0], points[i + 1][1]});
  return {{"points", points}, {"valid_format", eval::is_point_answer(answer)}, {"boxes", boxes}};
}

Json count(const std::string& answer, int64_t truth) {
  const auto found = eval::parse_count(answer, kQuirks);
  const bool is_close = found && *found >= truth - 1 && *found <= truth + 1;
  return {{"correct", int{found == truth}}, {"close", int{is_close}}, {"valid", int{found.has_value()}}};
}

Json clock(const Json& item, eval::ClockMode mode) {
  Json scores = Json::object();
  const eval::ClockTruth truth{item.at("hour").get<int>(), item.at("minute").get<int>(), item.at("second").get<int>()};
  for (const auto& [name, value] : eval::score_clock(text(item, "prediction"), truth, mode))
    scores[std::string(name)] = int{value};
  return scores;
}

Json math_vista(const Json& item) {
  eval::MathVistaQuestion question{.question_type = text(item, "question_type"),
                                   .answer_type = text(item, "answer_type")};
  if (item.at("choices").is_array()) question.choices = item["choices"].get<Strings>();
  if (item.at("precision").is_number()) question.precision = static_cast<int64_t>(item["precision"].get<double>());
  question.is_precision_float = item.value("precision_is_float", false);
  const std::string response = text(item, "response");
  const auto json = [](const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); };
  return {{"shortcut_extraction", json(eval::extract_shortcut(response, question))},
          {"normalized_raw", json(eval::normalize_extraction(response, question, kQuirks))},
          {"correct_without_llm", eval::math_vista_match(response, question, text(item, "answer"), kQuirks)}};
}

Json mmmu_choice(const Json& item) {
  const auto parsed = eval::parse_choice(text(item, "response"), item.at("options").get<Strings>());
  const std::string letter(1, parsed.value_or('A'));
  const Strings gold = texts(item.at("answer"));
  const bool is_right = std::find(gold.begin(), gold.end(), letter) != gold.end();
  return {{"parsed", letter}, {"random_fallback", !parsed}, {"score", is_right ? 1.0 : 0.0}};
}

Json mmmu_open(const Json& item) {
  const eval::OpenAnswer answer = eval::parse_open_answer(text(item, "response"));
  return {{"parsed", {{"numbers", answer.numbers}, {"strings", answer.texts}}},
          {"score", eval::open_match(texts(item.at("answer")), answer) ? 1.0 : 0.0}};
}

double mmmu(const Json& item, const std::string& response) {
  return eval::mmmu_match(text(item, "question_type"), item.at("options").get<Strings>(), texts(item.at("answers")),
                          response);
}

double real_world(const Json& item, const std::string& prediction) {
  return eval::real_world_match(text(item, "question_type"), text(item, "answer"), prediction, kQuirks);
}

bool android(const Json& item) {
  const Json& box = item.at("target_box");
  return eval::android_step_match(text(item, "target_action"), text(item, "prediction"),
                                  box.is_string() ? box.get<std::string>() : "");
}

bool chosen_option(const Json& item) {
  return eval::select_option(item.at("option_names").get<Strings>(), eval::clean_prediction(text(item, "raw"))) ==
         item.at("answer_idx").get<size_t>();
}

// Means of named values, each over the items that it applies to.
class Means {
 public:
  void add(const std::string& name, double value) {
    auto& [sum, number] = sums_[name];
    sum += value;
    ++number;
  }
  void add(const Json& scores) {
    for (const auto& [name, value] : scores.items()) add(name, value.get<double>());
  }
  std::optional<double> mean(const std::string& name) const {
    const auto found = sums_.find(name);
    return found == sums_.end() ? std::nullopt : std::optional(found->second.first / found->second.second);
  }
  const auto& sums() const { return sums_; }

 private:
  std::map<std::string, std::pair<double, double>> sums_;
};

// What "pointing_f1.json cases 1-12" names.
Json named_cases(const std::filesystem::path& folder, const std::string& range) {
  const size_t space = range.find(' '), dash = range.find('-', space);
  const std::string name = range.substr(0, space);
  constexpr std::string_view kCases = " cases ";
  if (space == std::string::npos || dash == std::string::npos || name.find('/') != std::string::npos ||
      range.compare(space, kCases.size(), kCases) != 0) {
    fail(ErrorCategory::BadData, "'{}' names no cases, expected for example 'count.json cases 1-12'", range);
  }
  const auto first = std::stoul(range.substr(space + kCases.size())), last = std::stoul(range.substr(dash + 1));
  const Json cases = read_json_file(folder / name).at("cases");
  Json items = Json::array();
  for (size_t i = first; i <= last && i <= cases.size(); ++i) items.push_back(cases.at(i - 1));
  return items;
}

void add_item(const std::string& evaluator, const Json& item, Means& means) {
  if (evaluator == "pointing") return means.add(pointing_json(pointing(item)));
  if (evaluator == "android") return means.add("accuracy", android(item));
  if (evaluator == "clock") return means.add(clock(item, eval::ClockMode::Train));
  if (evaluator == "point_count") {
    const Json scores = count(text(item, "raw"), item.at("count").get<int64_t>());
    means.add(scores);
    return means.add("correct_" + item.at("count").dump(), scores["correct"].get<double>());
  }
  if (evaluator == "mmmu_score")
    return means.add(evaluator, mmmu(item, eval::clean_prediction(text(item, "response"))));
  if (evaluator == "real_world_qa_score")
    return means.add(evaluator, real_world(item, eval::clean_prediction(text(item, "prediction"))));
  if (evaluator == "mc_ai2d_transparent" || evaluator == "mc_ai2d_opaque") {
    // Questions without boxes count in both.
    const bool is_transparent = evaluator == "mc_ai2d_transparent";
    if (item.at("abc_label").get<bool>() && item.at("has_transparent_box").get<bool>() != is_transparent) return;
    return means.add(evaluator, chosen_option(item));
  }
  const std::string prediction = eval::clean_prediction(text(item, "raw"));
  const Json& answers = item.at("answers");
  double score = 0;
  if (evaluator == "vqa_score") {
    score = vqa(answers, prediction);
  } else if (evaluator == "em") {
    score = exact(item);
  } else if (evaluator == "ansl") {
    score = best_of(answers, [&](const std::string& answer) { return eval::anls(answer, prediction); });
  } else if (evaluator == "relaxed_correctness") {
    score = best_of(answers, [&](const std::string& answer) { return eval::relaxed_match(answer, prediction); });
  } else {
    fail(ErrorCategory::BadData, "'{}' is not an evaluator", evaluator);
  }
  means.add(evaluator, score);
  if (item.contains("is_human")) means.add(evaluator + (item["is_human"].get<bool>() ? "_human" : "_aug"), score);
}

Json aggregate(const std::filesystem::path& folder, const Json& item) {
  const Json items = item.contains("items") ? item["items"] : named_cases(folder, text(item, "items_from"));
  const std::string evaluators = text(item, "evaluator");
  Means means;
  for (size_t begin = 0; begin != std::string::npos;) {
    const size_t end = evaluators.find(',', begin);
    for (const Json& one : items) add_item(evaluators.substr(begin, end - begin), one, means);
    begin = end == std::string::npos ? end : end + 1;
  }
  Json result = Json::object();
  for (const auto& [name, unused] : means.sums()) result[name] = *means.mean(name);
  if (evaluators == "clock" && !result.contains("correctly_declines_to_answer"))
    result["correctly_declines_to_answer"] = nullptr;
  if (evaluators == "point_count") {
    double sum = 0, number = 0;
    for (const auto& [name, unused] : means.sums()) {
      if (name.starts_with("correct_")) sum += *means.mean(name), ++number;
    }
    result["per_category_average"] = sum / number;
  }
  return result;
}

Json score_json(double score) {
  return {{"score", score}};
}

using Compute = Json (*)(const Json& document, const Json& item);

struct Metric {
  std::string_view file;
  Compute compute;
  double tolerance = kDoublePrecision;
};

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> kMetrics = {
      {"prediction_cleanup.json",
       [](const Json&, const Json& item) -> Json {
         const std::string raw = text(item, "raw");
         return {{"scored_text", eval::clean_prediction(raw)}, {"submission_text", eval::submission_text(raw)}};
       }},
      {"exact_match.json", [](const Json&, const Json& item) { return score_json(exact(item)); }},
      {"relaxed_correctness.json",
       [](const Json&, const Json& item) -> Json {
         return {{"correct", eval::relaxed_match(text(item, "target"), text(item, "prediction"))}};
       }},
      {"anls.json",
       [](const Json&, const Json& item) {
         const std::string prediction = text(item, "prediction");
         return score_json(best_of(item.at(item.contains("targets") ? "targets" : "target"),
                                   [&](const std::string& target) { return eval::anls(target, prediction); }));
       }},
      {"mc_option.json",
       [](const Json&, const Json& item) -> Json {
         return {{"index", eval::select_option(item.at("options").get<Strings>(), text(item, "prediction"))}};
       }},
      {"vqa_normalize.json",
       [](const Json&, const Json& item) -> Json {
         const std::string raw = text(item, "text");
         return {{"after_punctuation", eval::vqa_without_punctuation(raw, kQuirks)},
                 {"normalized", eval::vqa_normalize(raw, kQuirks)}};
       }},
      {"vqa_score.json",
       [](const Json&, const Json& item) { return score_json(vqa(item.at("answers"), text(item, "prediction"))); }},
      {"a_okvqa_score.json",
       [](const Json&, const Json& item) {
         return score_json(eval::a_okvqa_score(item.at("answers").get<Strings>(), text(item, "prediction")));
       }},
      {"real_world_qa.json",
       [](const Json&, const Json& item) { return score_json(real_world(item, text(item, "prediction"))); }},
      {"mmmu_multiple_choice.json", [](const Json&, const Json& item) { return mmmu_choice(item); }},
      {"mmmu_open.json", [](const Json&, const Json& item) { return mmmu_open(item); }},
      {"mmmu_score.json", [](const Json&, const Json& item) { return score_json(mmmu(item, text(item, "response"))); }},
      {"math_vista.json", [](const Json&, const Json& item) { return math_vista(item); }},
      {"count.json",
       [](const Json&, const Json& item) { return count(text(item, "prediction"), item.at("count").get<int64_t>()); }},
      {"clock.json",
       [](const Json&, const Json& item) {
         return clock(item, text(item, "mode") == "bench" ? eval::ClockMode::Bench : eval::ClockMode::Train);
       }},
      {"android_control.json",
       [](const Json&, const Json& item) -> Json {
         return {{"correct", int{android(item)}}};
       }},
      {"box_iou.json",
       [](const Json&, const Json& item) -> Json {
         return {{"iou",
                  eval::box_iou(item.at("a").get<std::array<double, 4>>(), item.at("b").get<std::array<double, 4>>())}};
       }},
      {"point_parsing.json", [](const Json&, const Json& item) { return read_points(item); }},
      {"point_in_mask.json",
       [](const Json& document, const Json& item) -> Json {
         const Json& rows = document.at("mask_rows");
         const Json mask = {{"height", rows.size()},
                            {"width", rows.at(0).get_ref<const std::string&>().size()},
                            {"mask_rows", Json::array({rows})}};
         return {{"inside", eval::read_masks(mask).at(0).contains(point(item.at("point")))}};
       }},
      {"pointing_f1.json", [](const Json&, const Json& item) { return pointing_json(pointing(item)); },
       kSinglePrecision},
  };
  return kMetrics;
}

}  // namespace

bool is_metric(const std::filesystem::path& file) {
  return std::any_of(metrics().begin(), metrics().end(),
                     [&](const Metric& metric) { return file.filename() == metric.file; });
}

void answer_metric(Run& run, const std::filesystem::path& file) {
  const auto metric =
      std::find_if(metrics().begin(), metrics().end(), [&](const Metric& m) { return file.filename() == m.file; });
  answer_cases(run, file, metric->compute, {.absolute = metric->tolerance, .relative = metric->tolerance});
}

void answer_aggregation(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [&](const Json&, const Json& item) { return aggregate(file.parent_path(), item); },
               {.absolute = kSinglePrecision});
}

}  // namespace molmo::conformance
