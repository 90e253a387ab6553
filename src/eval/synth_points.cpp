// synth-points: pointing in drawn scenes. Masks are the objects' visible pixels, from the label map `objects`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "eval/masks.h"
#include "eval/synth_sets.h"

namespace molmo::eval {
namespace {

constexpr size_t kMostInstances = 6;

}  // namespace

std::vector<Question> ask_points(const data::Example& example) {
  const image::Image& objects = *example.label_map.value().pixels;
  std::vector<Question> questions;
  for (const text::Annotation& annotation : example.text.annotations) {
    const text::Points& points = annotation.points.value();
    if (points.size() > kMostInstances) continue;
    Json truth = Json::array(), masks = Json::array();
    for (const auto& [x, y] : points) {
      const PointPx px = to_px(PointPct{x, y}, objects.size);
      truth.push_back({px.x, px.y});
      masks.push_back(mask_runs(object_mask(objects, px)));
    }
    Question question{
        .id = fmt::format("{}-{}", example.id, questions.size()), .annotation = annotation, .reference = {}};
    question.annotation.style = "pointing";
    question.reference = std::make_shared<const Json>(Json{{"label", *annotation.label},
                                                           {"width", objects.size.width},
                                                           {"height", objects.size.height},
                                                           {"gt_points", std::move(truth)},
                                                           {"mask_runs", std::move(masks)}});
    questions.push_back(std::move(question));
  }
  return questions;
}

ItemScores score_points(const Json& reference, std::string_view answer, config::Quirks) {
  std::vector<PointPx> truth;
  for (const Json& point : reference.at("gt_points"))
    truth.push_back({point.at(0).get<double>(), point.at(1).get<double>()});
  const ImageSize size{reference.at("height").get<int64_t>(), reference.at("width").get<int64_t>()};
  const PointingScore score = score_pointing(answer, size, truth, read_masks(reference));
  ItemScores item{.scores = {}, .categories = {{"instances", std::to_string(truth.size())}}};
  if (truth.empty()) {
    item.scores = {{"absent", score.f1}};
  } else {
    item.scores = {
        {"f1", score.f1}, {"precision", score.precision}, {"recall", score.recall}, {"valid", is_point_answer(answer)}};
  }
  item.parsed = fmt::format("{} points", predicted_points(answer, size).size());
  return item;
}

}  // namespace molmo::eval
