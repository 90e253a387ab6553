#include "eval/published_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "eval/android_steps.h"
#include "eval/answers.h"
#include "eval/caption_judge.h"
#include "eval/math_vista.h"
#include "eval/mmmu.h"
#include "eval/readings.h"
#include "eval/vqa.h"

namespace molmo::eval {
namespace {

using Strings = std::vector<std::string>;

// Letters, or the options themselves where the prompt shows them without.
Strings option_names(const text::Annotation& annotation) {
  if (annotation.unlabelled_options) return *annotation.unlabelled_options;
  constexpr size_t kMostLetters = 7;  // that a prompt shows
  Strings letters;
  for (size_t i = 0; i < std::min(annotation.options->size(), kMostLetters); ++i)
    letters.emplace_back(1, static_cast<char>('A' + i));
  return letters;
}

Json reference_of(const text::Annotation& annotation, const Json& metadata) {
  Json reference = Json::object();
  if (annotation.question) reference["question"] = *annotation.question;
  if (annotation.prompt) reference["prompt"] = *annotation.prompt;
  if (annotation.label) reference["label"] = *annotation.label;
  if (annotation.answers)
    reference["answers"] = *annotation.answers;
  else if (annotation.answer)
    reference["answers"] = Json::array({*annotation.answer});
  if (annotation.options) reference["options"] = *annotation.options;
  if (annotation.options || annotation.unlabelled_options) reference["option_names"] = option_names(annotation);
  if (annotation.answer_index) reference["answer_idx"] = *annotation.answer_index;
  for (const auto& [key, value] : metadata.items()) {
    if (!reference.contains(key) && key != "unlabelled_options" && key != "masks") reference[key] = value;
  }
  return reference;
}

Strings answers_of(const Json& reference) {
  const Json& answers = reference.at("answers");
  return answers.is_string() ? Strings{answers.get<std::string>()} : answers.get<Strings>();
}

double best(const Json& reference, const std::function<double(const std::string&)>& score) {
  double most = 0;
  for (const std::string& answer : answers_of(reference)) most = std::max(most, score(answer));
  return most;
}

double exact(const Json& reference, const std::string& cleaned) {
  return best(reference, [&](const std::string& answer) { return exact_match(answer, cleaned); });
}

std::string text_field(const Json& reference, const char* key) {
  return reference.at(key).get<std::string>();
}

ItemScores clock_scores(const Json& reference, std::string_view answer, ClockMode mode) {
  const ClockTruth truth{reference.at("hour").get<int>(), reference.at("minute").get<int>(),
                         reference.at("second").get<int>()};
  ItemScores item{.scores = {}};
  for (const auto& [name, value] : score_clock(answer, truth, mode)) item.scores.emplace_back(name, value);
  if (const auto reading = read_time(answer)) item.parsed = fmt::format("{}:{:02}", reading->hour, reading->minute);
  return item;
}

// "validation_Accounting_1" is of the subject Accounting.
std::string subject_of(const Json& reference) {
  const std::string id = reference.contains("example_id") && reference["example_id"].is_string()
                             ? text_field(reference, "example_id")
                             : "";
  const size_t begin = id.find('_'), end = id.rfind('_');
  return begin < end && end != std::string::npos ? id.substr(begin + 1, end - begin - 1) : "";
}

}  // namespace

std::vector<Question> ask_annotations(const data::Example& example) {
  const Json none = Json::object();
  std::vector<Question> questions;
  const auto& annotations = example.text.annotations;
  for (size_t i = 0; i < annotations.size(); ++i) {
    if (annotations[i].messages) continue;  // a conversation, not a question
    Json reference = reference_of(annotations[i], example.metadata ? *example.metadata : none);
    questions.push_back({.id = annotations.size() == 1 ? example.id : fmt::format("{}-{}", example.id, i),
                         .annotation = annotations[i],
                         .reference = std::make_shared<const Json>(std::move(reference))});
  }
  return questions;
}

std::vector<Question> ask_pixmo_count(const data::Example& example) {
  std::vector<Question> questions = ask_annotations(example);
  for (Question& question : questions) question.annotation.style = "point_count";
  return questions;
}

std::vector<Question> ask_pointing_eval(const data::Example& example) {
  const Json& metadata = *example.metadata;
  const Json& masks = metadata.at("masks");
  if (masks.empty() || masks[0].empty())
    fail(ErrorCategory::BadData, "{}: an example of pointing has no masks", example.id);
  const auto height = static_cast<int64_t>(masks[0].size());
  const auto width = static_cast<int64_t>(masks[0][0].get_ref<const std::string&>().size());
  Json points = Json::array();
  for (const auto& [x, y] : example.text.annotations.at(0).points.value()) {
    const PointPx px = to_px(PointPct{x, y}, {height, width});
    points.push_back({px.x, px.y});
  }
  const Json reference = {{"label", *example.text.annotations[0].label},
                          {"width", width},
                          {"height", height},
                          {"gt_points", points},
                          {"mask_rows", masks}};
  return {{.id = example.id,
           .annotation = example.text.annotations[0],
           .reference = std::make_shared<const Json>(reference)}};
}

std::vector<Question> ask_dense_caption(const data::Example& example) {
  Json references = Json::array();
  for (const text::Annotation& annotation : example.text.annotations) references.push_back(annotation.text.value());
  text::Annotation asked;
  asked.style = "long_caption";
  const Json reference = {{"references", std::move(references)}};
  return {{.id = example.id, .annotation = asked, .reference = std::make_shared<const Json>(reference)}};
}

ItemScores score_vqa(const Json& reference, std::string_view answer, config::Quirks quirks) {
  const std::string cleaned = clean_prediction(answer);
  return {.scores = {{"vqa_score", vqa_score(answers_of(reference), cleaned, quirks)}}, .parsed = cleaned};
}

ItemScores score_a_okvqa(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  return {.scores = {{"a_okvqa_score", a_okvqa_score(answers_of(reference), cleaned)}}, .parsed = cleaned};
}

ItemScores score_exact(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  return {.scores = {{"em", exact(reference, cleaned)}}, .parsed = cleaned};
}

ItemScores score_anls(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  const double similarity = best(reference, [&](const std::string& target) { return anls(target, cleaned); });
  return {.scores = {{"anls", similarity}, {"em", exact(reference, cleaned)}}, .parsed = cleaned};
}

ItemScores score_chart(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  const double relaxed = best(reference, [&](const std::string& target) { return relaxed_match(target, cleaned); });
  ItemScores item{.scores = {{"relaxed_correctness", relaxed}, {"em", exact(reference, cleaned)}}, .parsed = cleaned};
  if (reference.contains("is_human")) {
    const Json& flag = reference["is_human"];
    const bool is_human = flag.is_boolean() ? flag.get<bool>() : flag.get<int64_t>() != 0;
    item.categories = {{"questions", is_human ? "human" : "machine"}};
  }
  return item;
}

ItemScores score_option(const Json& reference, std::string_view answer, config::Quirks) {
  const auto names = reference.at("option_names").get<Strings>();
  if (names.empty()) fail(ErrorCategory::BadData, "a question has no options to choose from");
  const size_t chosen = select_option(names, clean_prediction(answer));
  const bool is_right = static_cast<int64_t>(chosen) == reference.at("answer_idx").get<int64_t>();
  return {.scores = {{"mc", is_right}}, .parsed = names[chosen]};
}

ItemScores score_ai2d(const Json& reference, std::string_view answer, config::Quirks quirks) {
  ItemScores item = score_option(reference, answer, quirks);
  const double score = item.scores.at(0).second;
  item.scores.clear();
  // Questions about diagrams without letters belong to both ways of drawing them.
  const bool has_letters = reference.value("abc_label", false),
             is_transparent = reference.value("has_transparent_box", false);
  if (!has_letters || is_transparent) item.scores.emplace_back("mc_transparent", score);
  if (!has_letters || !is_transparent) item.scores.emplace_back("mc_opaque", score);
  return item;
}

ItemScores score_mmmu(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  const auto options = reference.value("options", Strings());
  const Json gold = reference.contains("answers") ? reference["answers"] : reference.at("answer");
  const auto golds = gold.is_string() ? Strings{gold.get<std::string>()} : gold.get<Strings>();
  return {.scores = {{"mmmu_score", mmmu_match(text_field(reference, "question_type"), options, golds, cleaned)}},
          .categories = {{"subject", subject_of(reference)}},
          .parsed = cleaned};
}

ItemScores score_real_world(const Json& reference, std::string_view answer, config::Quirks quirks) {
  const std::string cleaned = clean_prediction(answer), type = text_field(reference, "question_type");
  return {.scores = {{"real_world_qa_score", real_world_match(type, text_field(reference, "answer"), cleaned, quirks)}},
          .categories = {{"question_type", type}},
          .parsed = cleaned};
}

ItemScores score_math_vista(const Json& reference, std::string_view answer, config::Quirks quirks) {
  MathVistaQuestion question{.question_type = text_field(reference, "question_type"),
                             .answer_type = text_field(reference, "answer_type")};
  if (reference.contains("choices") && reference["choices"].is_array())
    question.choices = reference["choices"].get<Strings>();
  if (reference.contains("precision") && reference["precision"].is_number()) {
    question.precision = static_cast<int64_t>(reference["precision"].get<double>());
    question.is_precision_float = reference.value("precision_is_float", reference["precision"].is_number_float());
  }
  const bool is_right = math_vista_match(answer, question, text_field(reference, "answer"), quirks);
  return {.scores = {{"math_vista_score", is_right}},
          .categories = {{"answer_type", question.answer_type}},
          .parsed = std::string(answer)};
}

ItemScores score_clock_train(const Json& reference, std::string_view answer, config::Quirks) {
  return clock_scores(reference, answer, ClockMode::Train);
}

ItemScores score_clock_bench(const Json& reference, std::string_view answer, config::Quirks) {
  return clock_scores(reference, answer, ClockMode::Bench);
}

ItemScores score_dense_caption(const Json& reference, std::string_view answer, config::Quirks) {
  const auto references = reference.at("references").get<Strings>();
  return {.scores = judgement_scores(lexical_judge()->judge(std::string(answer), references)), .parsed = {}};
}

ItemScores score_android(const Json& reference, std::string_view answer, config::Quirks) {
  const Json& box = reference.at("target_box");
  const std::string target = text_field(reference, "target_action");
  const bool is_right = android_step_match(target, answer, box.is_string() ? box.get<std::string>() : "");
  return {.scores = {{"accuracy", is_right}},
          .categories = {{"action", target.substr(0, target.find_first_of(" ("))}},
          .parsed = std::string(answer)};
}

}  // namespace molmo::eval
