#include "synth/set_rows.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/sha256.h"

namespace molmo::synth {
namespace {

// PixMo-Points collected pictures with many things in another way.
constexpr size_t kMostPointed = 10;

TableRow make_row(std::string folder, Json row) {
  return {std::move(folder), std::make_shared<const Json>(std::move(row))};
}

Json point_row(const text::Annotation& annotation) {
  Json points = Json::array();
  for (const auto& [x, y] : *annotation.points) points.push_back({{"x", x}, {"y", y}});
  const size_t count = points.size();
  return {{"label", *annotation.label},
          {"points", std::move(points)},
          {"count", count},
          {"collection_method", count > kMostPointed ? "counting" : "pointing"}};
}

Json count_row(const text::Annotation& annotation) {
  Json x = Json::array(), y = Json::array();
  for (const auto& point : *annotation.points) {
    x.push_back(static_cast<float>(point[0]));
    y.push_back(static_cast<float>(point[1]));
  }
  const size_t count = x.size();
  return {{"label", *annotation.label}, {"count", count}, {"points", {{"x", std::move(x)}, {"y", std::move(y)}}}};
}

Json clock_row(const SynthSample& sample, const std::string& id) {
  const Json& truth = *sample.truth;
  const std::string face = fmt::format("{} numerals, {} hands", truth.at("numerals").get<std::string>(),
                                       truth.at("hands").get<std::string>());
  const int hour = truth.at("hour"), minute = truth.at("minute"), second = truth.at("second");
  return {{"example_id", id},
          {"watchface_id", data::sha256_hex(face + truth.at("body").get<std::string>()).substr(0, 12)},
          {"watchface_name", fmt::format("{}, {}", truth.at("body").get<std::string>(), face)},
          {"watch_time", fmt::format("2000-01-01 {:02}:{:02}:{:02}", hour, minute, std::max(second, 0))},
          {"time_format", "12"},
          {"shows_seconds", second >= 0},
          {"hour_visible", hour},
          {"minute_visible", minute},
          {"second_visible", second},
          {"text", *sample.text.annotations.at(0).answer}};
}

Json caption_row(const SynthSample& sample) {
  Json row = {{"caption", nullptr}, {"transcripts", Json::array()}};
  for (const text::Annotation& annotation : sample.text.annotations) {
    if (annotation.style == "transcript") {
      row["transcripts"].push_back(*annotation.text);
    } else {
      row["caption"] = *annotation.text;
    }
  }
  return row;
}

TableRow docs_row(const SynthSample& sample, const WrittenPicture& picture) {
  Json questions = Json::array(), answers = Json::array();
  for (const text::Annotation& annotation : sample.text.annotations) {
    questions.push_back(*annotation.question);
    answers.push_back(*annotation.answer);
  }
  const Json::binary_t bytes(std::vector<uint8_t>(picture.bytes.begin(), picture.bytes.end()));
  return make_row(sample.truth->at("part").get<std::string>(),
                  {{"image", {{"bytes", Json::binary(bytes)}, {"path", picture.id + ".jpg"}}},
                   {"image_id", picture.id},
                   {"questions", {{"question", std::move(questions)}, {"answer", std::move(answers)}}}});
}

}  // namespace

std::string_view table_name(Schema schema) {
  switch (schema) {
    case Schema::Points:
      return "pixmo-points";
    case Schema::Count:
      return "pixmo-count";
    case Schema::Cap:
      return "pixmo-cap";
    case Schema::CapQa:
      return "pixmo-cap-qa";
    case Schema::Ask:
      return "pixmo-ask-model-anything";
    case Schema::Docs:
      return "pixmo-docs";
    case Schema::Clocks:
      return "pixmo-clocks";
    case Schema::Records:
      return "";
  }
  return "";
}

std::vector<TableRow> table_rows(Schema schema, const SynthSample& sample, const WrittenPicture& picture) {
  if (schema == Schema::Docs) return {docs_row(sample, picture)};
  if (schema == Schema::Clocks) return {make_row("data", clock_row(sample, picture.id))};
  std::vector<TableRow> rows;
  const auto add = [&](Json row, bool has_hash) {
    row["image_url"] = picture.path;
    if (has_hash) row["image_sha256"] = data::sha256_hex(picture.bytes);
    rows.push_back(make_row("data", std::move(row)));
  };
  if (schema == Schema::Cap) {
    add(caption_row(sample), false);
    return rows;
  }
  for (const text::Annotation& annotation : sample.text.annotations) {
    switch (schema) {
      case Schema::Points:
        add(point_row(annotation), true);
        break;
      case Schema::Count:
        add(count_row(annotation), true);
        break;
      case Schema::Ask:
        add({{"question", *annotation.question}, {"answer", *annotation.answer}}, true);
        break;
      case Schema::CapQa: {
        const auto& messages = *annotation.messages;
        add({{"question", messages.at(0)}, {"answer", messages.at(1)}, {"messages", messages}}, false);
        break;
      }
      default:
        fail(ErrorCategory::Internal, "a kind of synthetic data without a table");
    }
  }
  return rows;
}

}  // namespace molmo::synth
