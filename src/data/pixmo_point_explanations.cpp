// PixMo-Point-Explanations: answers that point at what they speak of.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {
namespace {

Json pairs_of(const Json& points, std::string_view where) {
  Json pairs = Json::array();
  for (const Json& point : points) {
    if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_number())
      fail(ErrorCategory::BadData, "{}: a point is {}, expected [x, y]", where, dump_json(point));
    pairs.push_back({point[0].get<double>(), point[1].get<double>()});
  }
  return pairs;
}

// What stands for each placeholder of one answer; as many as all three lists have.
Json annotations_of(const Row& conversation) {
  const std::vector<Json> points = conversation.list("points");
  const auto inline_texts = conversation.texts("inline_text"), alt_texts = conversation.texts("alt_text");
  Json annotations = Json::array();
  for (size_t i = 0; i < std::min({points.size(), inline_texts.size(), alt_texts.size()}); ++i) {
    annotations.push_back({{"points", pairs_of(points[i], conversation.where())},
                           {"inline_text", inline_texts[i]},
                           {"alt_text", alt_texts[i]}});
  }
  return annotations;
}

}  // namespace

size_t point_explanations_split(size_t size) {
  return size > 1 ? size / 2 + size % 2 : size;
}

Json pixmo_point_explanations_example(const Row& record, size_t first, size_t end) {
  const auto questions = record.texts("question"), answers = record.texts("parsed_response");
  const auto alt_texts = record.list("alt_text"), inline_texts = record.list("inline_text"),
             points = record.list("points");
  for (const size_t size : {answers.size(), alt_texts.size(), inline_texts.size(), points.size()}) {
    if (size != questions.size())
      fail(ErrorCategory::BadData, "{}: columns of {} and of {} conversations", record.where(), questions.size(), size);
  }
  Json list = Json::array();
  for (size_t i = first; i < std::min(end, questions.size()); ++i) {
    const Json columns = {{"points", points[i]}, {"inline_text", inline_texts[i]}, {"alt_text", alt_texts[i]}};
    list.push_back({{"question", questions[i]},
                    {"answer", answers[i]},
                    {"answer_annotations", annotations_of(Row(columns, record.where()))},
                    {"style", "point_qa"}});
  }
  return {{"metadata", {{"image_url", record.text("image_url")}}}, {"message_list", list}};
}

namespace {

struct Part {
  uint32_t record = 0, number = 0;  // number: 1 or 2 of two parts, 0 for the whole
};

}  // namespace

std::shared_ptr<const Dataset> open_pixmo_point_explanations(const DatasetSource& source) {
  const RecordOptions options{.columns = {"question", "parsed_response", "alt_text", "inline_text", "points"},
                              .is_grouped = true,
                              .num_validation = 1024,
                              .filter_column = "parsed_response",
                              .keeps = [](const Json& response) { return !response.is_null(); },
                              .settings = {"split_groups"}};
  const std::string setting = pixmo_setting(source, "split_groups", options.settings);
  if (!setting.empty() && setting != "true" && setting != "false")
    fail(ErrorCategory::InvalidArgument, "{}: split_groups={}, expected true or false", source.name, setting);
  const auto records = PixmoRecords::open(source, options);
  std::vector<Part> parts;
  for (uint32_t i = 0; i < records->size(); ++i) {
    if (setting == "false" || records->num_rows(i) == 1) {
      parts.push_back({i, 0});
    } else {
      parts.insert(parts.end(), {{i, 1}, {i, 2}});
    }
  }
  return make_dataset(source, parts.size(), [=](size_t index) {
    const Part part = parts[index];
    const PixmoRecord record = records->record(part.record);
    const size_t size = records->num_rows(part.record), middle = point_explanations_split(size);
    const Json fields = pixmo_point_explanations_example(
        Row(record.columns, record.where), part.number == 2 ? middle : 0, part.number == 1 ? middle : size);
    const std::string id = part.number == 0 ? record.id : record.id + "#" + std::to_string(part.number);
    return make_example(fields, id, {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
