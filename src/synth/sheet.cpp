#include "synth/sheet.h"

#include <fmt/core.h>

#include "base/error.h"
#include "text/prompt.h"

namespace molmo::synth {
namespace {

std::string describe(const text::Annotation& annotation) {
  if (annotation.messages) return annotation.messages->at(0) + " " + annotation.messages->at(1);
  if (annotation.label) return fmt::format("{}: {}", *annotation.label, annotation.points->size());
  const std::string asked = annotation.prompt.value_or(annotation.question.value_or(""));
  const std::string answer = annotation.answer.value_or(annotation.text.value_or(""));
  return asked.empty() ? answer : asked + " " + answer;
}

std::vector<PointPx> marks(const SynthSample& sample) {
  std::vector<PointPx> points;
  if (sample.text.annotations.empty()) return points;
  const text::Annotation& first = sample.text.annotations[0];
  const double scale = first.point_scale.value_or(0);
  const auto width = static_cast<double>(sample.picture.size.width),
             height = static_cast<double>(sample.picture.size.height);
  for (const auto& [x, y] : first.points.value_or(text::Points{})) {
    points.push_back(scale > 0 ? PointPx{x / scale * width, y / scale * height} : PointPx{x, y});
  }
  return points;
}

}  // namespace

image::Image draw_sheet(const GeneratorEntry& generator, const SynthOptions& options, int64_t count,
                        const report::ContactSheetOptions& sheet) {
  std::vector<report::ContactTile> tiles;
  for (int64_t i = 0; i < count; ++i) {
    SynthSample sample = make_sample(generator, options, static_cast<uint64_t>(i));
    if (sample.picture.pixels.empty()) {
      fail(ErrorCategory::InvalidArgument, "'{}' has no pictures to put on a sheet", generator.name);
    }
    report::ContactTile& tile = tiles.emplace_back();
    tile.marks = marks(sample);
    for (const text::Annotation& annotation : sample.text.annotations) tile.lines.push_back(describe(annotation));
    tile.picture = std::move(sample.picture);
  }
  return report::contact_sheet(tiles, sheet);
}

}  // namespace molmo::synth
