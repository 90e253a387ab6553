#include "data/example_page.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "image/encode.h"
#include "image/resize.h"

namespace molmo::data {
namespace {

PointPx in_pixels(const std::array<double, 2>& point, const std::optional<double>& scale, ImageSize size) {
  if (!scale) return {point[0], point[1]};
  return to_px(PointPct{point[0] * 100 / *scale, point[1] * 100 / *scale}, size);
}

void add_points(const text::Annotation& annotation, ImageSize size, std::vector<image::OverlayPoint>& points) {
  const std::string label = annotation.label ? *annotation.label : annotation.question.value_or("");
  for (const auto& point : annotation.points.value_or(text::Points()))
    points.push_back({in_pixels(point, annotation.point_scale, size), label});
  for (const text::AnswerPoints& entry : annotation.answer_points) {
    for (const auto& point : entry.points) points.push_back({in_pixels(point, 100.0, size), entry.inline_text});
  }
}

image::Image shrink(const image::Image& picture, ImageSize size) {
  const image::Resizer resizer(picture, size, config::ResizeMode::PadBilinear);
  image::Image small{.size = size, .pixels = std::vector<uint8_t>(static_cast<size_t>(size.height * size.width * 3))};
  std::vector<float> row(static_cast<size_t>(size.width) * 3);
  resizer.resize_rows(0, size.height, row.data(), [&](int64_t y) {
    for (size_t i = 0; i < row.size(); ++i)
      small.pixels[static_cast<size_t>(y) * row.size() + i] =
          static_cast<uint8_t>(std::clamp(std::lround(row[i] * 255), 0L, 255L));
  });
  return small;
}

// Points and picture made smaller together.
image::Image with_points(const ShownExample& shown, int64_t max_side_px) {
  const image::Image& picture = shown.pictures.front();
  const int64_t longer = std::max(picture.size.height, picture.size.width);
  if (longer <= max_side_px) return image::draw_overlay(picture, shown.points);
  const double scale = static_cast<double>(max_side_px) / static_cast<double>(longer);
  const auto shrunk = [&](int64_t side) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  const ImageSize size{shrunk(picture.size.height), shrunk(picture.size.width)};
  std::vector<image::OverlayPoint> points = shown.points;
  for (image::OverlayPoint& point : points) point.position = {point.position.x * scale, point.position.y * scale};
  return image::draw_overlay(shrink(picture, size), points);
}

report::Html encoded(const image::Image& picture, std::string_view alternative) {
  const std::string bytes = image::encode_jpeg(picture, 85);
  return report::picture(std::as_bytes(std::span(bytes)), alternative);
}

void add_conversations(report::Page& page, const ShownExample& shown) {
  std::vector<std::vector<report::Html>> rows;
  for (size_t i = 0; i < shown.conversations.size(); ++i) {
    const auto& messages = shown.conversations[i].messages;
    for (size_t turn = 0; turn < messages.size(); turn += 2) {
      rows.push_back({report::text(turn == 0 ? shown.example.text.annotations[i].style.value_or("") : ""),
                      report::text(messages[turn]),
                      report::text(turn + 1 < messages.size() ? messages[turn + 1] : "")});
    }
  }
  if (!rows.empty()) page.table({"style", "prompt", "answer"}, rows);
  if (shown.example.plain_text) page.paragraph(*shown.example.plain_text);
}

void add_example(report::Page& page, const ShownExample& shown, int64_t max_side_px) {
  page.heading(shown.example.id);
  if (!shown.pictures.empty()) {
    const ImageSize size = shown.pictures.front().size;
    page.figure(encoded(with_points(shown, max_side_px), shown.example.id),
                fmt::format("{} x {} pixels, {} points", size.width, size.height, shown.points.size()));
  }
  add_conversations(page, shown);
  if (!shown.example.metadata || shown.example.metadata->empty()) return;
  Json metadata = *shown.example.metadata;
  if (metadata.contains("masks")) metadata["masks"] = fmt::format("{} masks", metadata["masks"].size());
  page.paragraph("metadata: " + dump_json(metadata));
}

}  // namespace

ShownExample prepare_shown_example(const Dataset& dataset, uint64_t index, const ExamplePageOptions& options) {
  RandomStream draws(options.seed, dataset.name(), index);
  ShownExample shown{.example = dataset.example(index, draws), .pictures = {}, .points = {}, .conversations = {}};
  for (const Picture& picture : shown.example.pictures) shown.pictures.push_back(decode_picture(picture));
  if (!shown.pictures.empty()) {
    shown.example.text.image_size = shown.pictures.front().size;
    for (const text::Annotation& annotation : shown.example.text.annotations)
      add_points(annotation, shown.pictures.front().size, shown.points);
  }
  text::StreamDraws prompt_draws(draws);
  const text::PromptFormatter formatter(options.prompt, {.quirks = options.quirks});
  for (const text::Annotation& annotation : shown.example.text.annotations) {
    text::Example one{.annotations = {annotation},
                      .is_list = shown.example.text.is_list,
                      .image_size = shown.example.text.image_size};
    // What only evaluation uses has no answer.
    const bool has_answer = annotation.messages || annotation.answer || annotation.answers || annotation.answer_index ||
                            annotation.answer_with_points || annotation.text || annotation.points;
    const auto purpose = has_answer ? text::Purpose::Training : text::Purpose::Inference;
    shown.conversations.push_back(formatter.format(one, purpose, prompt_draws).at(0));
  }
  return shown;
}

report::Page example_page(const Dataset& dataset, const ExamplePageOptions& options) {
  if (options.first >= dataset.size()) {
    fail(ErrorCategory::InvalidArgument, "{}: example {} is asked for, but there are {}.{}", dataset.name(),
         options.first, dataset.size(),
         dataset.size() == 0 ? " Were its pictures downloaded? See `molmo data fetch`" : "");
  }
  report::Page page("Examples of " + dataset.name());
  page.paragraph(fmt::format("{} examples in all.", dataset.size()));
  RandomStream choice(options.seed, "show");
  for (uint64_t i = 0; i < std::min<uint64_t>(options.count, dataset.size() - options.first); ++i) {
    const uint64_t index = options.is_random ? choice.below(dataset.size()) : options.first + i;
    try {
      add_example(page, prepare_shown_example(dataset, index, options), options.max_side_px);
    } catch (const Error& error) {
      page.heading(fmt::format("example {}", index));
      page.paragraph(std::string("cannot be shown: ") + error.what());
    }
  }
  return page;
}

}  // namespace molmo::data
