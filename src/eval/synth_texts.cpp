// synth-cap and synth-docs.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "eval/answers.h"
#include "eval/scene_caption.h"
#include "eval/synth_sets.h"

namespace molmo::eval {

std::vector<Question> ask_caption(const data::Example& example) {
  const auto& annotations = example.text.annotations;
  const auto caption = std::find_if(annotations.begin(), annotations.end(),
                                    [](const text::Annotation& a) { return a.style == "long_caption"; });
  if (caption == annotations.end()) return {};
  Json objects = Json::array();
  for (const Json& object : example.metadata->at("objects"))
    objects.push_back({{"name", object.at("name")}, {"color", object.at("color")}});
  const Json reference = {{"objects", std::move(objects)}, {"caption", *caption->text}};
  return {{.id = example.id, .annotation = *caption, .reference = std::make_shared<const Json>(reference)}};
}

ItemScores score_scene_caption(const Json& reference, std::string_view answer, config::Quirks) {
  const CaptionScore score = score_caption(answer, reference);
  ItemScores item{.scores = {}, .categories = {{"objects", std::to_string(reference.at("objects").size())}}};
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) item.scores.emplace_back(name, *value);
  };
  add("recall", score.recall);
  add("precision", score.precision);
  if (score.recall && score.precision) {
    const double sum = *score.recall + *score.precision;
    add("f1", sum > 0 ? 2 * *score.recall * *score.precision / sum : 0);
  }
  add("kind_recall", score.kind_recall);
  add("kind_precision", score.kind_precision);
  add("color_recall", score.color_recall);
  add("color_precision", score.color_precision);
  const SceneStatements said = said_in(answer);
  for (const std::string& kind : said.kinds) item.parsed += (item.parsed.empty() ? "" : ", ") + kind;
  for (const auto& [kind, color] : said.colors) item.parsed += fmt::format(", {} {}", color, kind);
  return item;
}

std::vector<Question> ask_docs(const data::Example& example) {
  std::vector<Question> questions;
  for (const text::Annotation& annotation : example.text.annotations) {
    const Json reference = {{"question", *annotation.question},
                            {"answers", Json::array({*annotation.answer})},
                            {"style", *annotation.style},
                            {"figure", example.metadata->value("figure", "")}};
    questions.push_back({.id = fmt::format("{}-{}", example.id, questions.size()),
                         .annotation = annotation,
                         .reference = std::make_shared<const Json>(reference)});
  }
  return questions;
}

ItemScores score_docs(const Json& reference, std::string_view answer, config::Quirks) {
  const std::string cleaned = clean_prediction(answer);
  bool is_relaxed = false, is_exact = false;
  for (const Json& target : reference.at("answers")) {
    is_relaxed |= relaxed_match(target.get<std::string>(), cleaned);
    is_exact |= exact_match(target.get<std::string>(), cleaned);
  }
  return {.scores = {{"relaxed", is_relaxed}, {"exact", is_exact}},
          .categories = {{"style", reference.value("style", "")}, {"figure", reference.value("figure", "")}},
          .parsed = cleaned};
}

}  // namespace molmo::eval
