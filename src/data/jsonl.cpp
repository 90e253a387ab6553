#include "data/jsonl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/nearest.h"
#include "base/threads.h"
#include "data/record_file.h"
#include "data/registry.h"
#include "image/image.h"
#include "text/prompt.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 6> kRecordKeys = {"id", "image", "annotations", "text", "label_map", "weight"};
constexpr std::array<std::string_view, 12> kAnnotationKeys = {"style",      "messages", "prompt", "question",
                                                              "options",    "label",    "answer", "answers",
                                                              "answer_idx", "text",     "points", "point_scale"};

template <size_t N>
void check_keys(const Json& object, const std::array<std::string_view, N>& known, std::string_view where) {
  if (!object.is_object()) fail(ErrorCategory::BadData, "{}: expected an object, found {}", where, object.type_name());
  for (const auto& [key, unused] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    fail(ErrorCategory::BadData, "{}: unknown key '{}'.{}", where, key, did_you_mean(key, names));
  }
}

bool has(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && !found->is_null();
}

std::string text_of(const Json& object, const char* key, std::string_view where) {
  const Json& value = object.at(key);
  if (!value.is_string()) fail(ErrorCategory::BadData, "{}: '{}' is {}, expected a text", where, key, dump_json(value));
  return value.get<std::string>();
}

fs::path file_of(const Json& object, const char* key, const fs::path& folder, std::string_view where) {
  const std::string name = text_of(object, key, where);
  if (name.empty() || name.find('\0') != std::string::npos)
    fail(ErrorCategory::BadData, "{}: '{}' is not the name of a file", where, key);
  return folder / name;
}

void check_points(const Json& json, const text::Annotation& annotation, std::string_view where) {
  for (const auto& point : *annotation.points) {
    for (const double value : point) {
      const double most = annotation.point_scale.value_or(std::numeric_limits<double>::max());
      if (!(value >= 0 && value <= most)) {
        fail(ErrorCategory::BadData, "{}: point [{}, {}] is outside of the picture: expected 0 to {}", where, point[0],
             point[1], annotation.point_scale ? fmt::format("{}", most) : "the picture's size in pixels");
      }
    }
  }
  if (!annotation.points->empty() && !json.contains("point_scale")) {
    fail(ErrorCategory::BadData,
         "{}: 'point_scale' is missing: write 100 for points in percent, null for points in pixels", where);
  }
}

// What training needs of one annotation.
void check_annotation(const Json& json, const text::Annotation& annotation, std::string_view where) {
  if (!annotation.style || annotation.style->empty())
    fail(ErrorCategory::BadData, "{}: 'style' is missing, for example user_qa, long_caption or pointing", where);
  if (annotation.messages) {
    if (annotation.messages->size() < 2 || annotation.messages->size() % 2 != 0) {
      fail(ErrorCategory::BadData, "{}: 'messages' has {} entries, expected user and assistant in turns", where,
           annotation.messages->size());
    }
    if (json.size() != 2) fail(ErrorCategory::BadData, "{}: 'messages' goes with 'style' only", where);
    return;
  }
  if (annotation.point_scale && !(*annotation.point_scale > 0))
    fail(ErrorCategory::BadData, "{}: 'point_scale' is {}, expected a positive number or null", where,
         *annotation.point_scale);
  if (annotation.points) {
    if (*annotation.style != "pointing" && *annotation.style != "point_count") {
      fail(ErrorCategory::BadData, "{}: points go with the styles pointing and point_count, found '{}'", where,
           *annotation.style);
    }
    if (!annotation.label && !annotation.question)
      fail(ErrorCategory::BadData, "{}: points need a 'label' that says of what they are", where);
    check_points(json, annotation, where);
    return;
  }
  if (annotation.answers && annotation.answers->empty()) fail(ErrorCategory::BadData, "{}: 'answers' is empty", where);
  if (annotation.answer_index) {
    const size_t num_options = annotation.options ? annotation.options->size() : 0;
    if (*annotation.answer_index < 0 || static_cast<size_t>(*annotation.answer_index) >= num_options) {
      fail(ErrorCategory::BadData, "{}: 'answer_idx' is {}, but there are {} options", where, *annotation.answer_index,
           num_options);
    }
    return;
  }
  if (!annotation.answer && !annotation.answers && !annotation.text) {
    fail(ErrorCategory::BadData, "{}: nothing to learn: expected 'answer', 'answers', 'text', 'points' or 'messages'",
         where);
  }
}

void parse_annotations(const Json& list, Example& example, std::string_view where) {
  if (!list.is_array() || list.empty())
    fail(ErrorCategory::BadData, "{}: 'annotations' is {}, expected a list with at least one", where,
         list.is_array() ? "empty" : list.type_name());
  example.text.is_list = true;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string place = fmt::format("{}, annotation {}", where, i + 1);
    check_keys(list[i], kAnnotationKeys, place);
    text::Example parsed = text::parse_example(list[i], place);
    check_annotation(list[i], parsed.annotations.front(), place);
    example.text.annotations.push_back(std::move(parsed.annotations.front()));
  }
}

class RecordDataset final : public Dataset {
 public:
  explicit RecordDataset(const fs::path& path) : name_("jsonl"), file_(RecordFile::open(path)) {}
  const std::string& name() const override { return name_; }
  size_t size() const override { return file_->size(); }
  Example example(size_t index, RandomStream&) const override {
    Example example = parse_record(file_->json(index), file_->folder(), file_->where(index));
    if (example.id.empty()) example.id = fmt::format("{}", file_->number(index));
    return example;
  }

 private:
  std::string name_;
  std::shared_ptr<const RecordFile> file_;
};

void check_files(const Example& example, bool decode) {
  for (const Picture& picture : example.pictures) {
    if (decode) {
      image::read_image(picture.file);
    } else if (!fs::is_regular_file(picture.file)) {
      fail(ErrorCategory::NotFound, "{}: no such file", picture.file.string());
    }
  }
  if (example.label_map && !fs::is_regular_file(example.label_map->file))
    fail(ErrorCategory::NotFound, "{}: no such file", example.label_map->file.string());
}

std::string relative_path(const Picture& picture, const fs::path& folder) {
  if (picture.file.empty()) fail(ErrorCategory::Unsupported, "a picture lies in memory: write it to a file first");
  const fs::path relative = picture.file.lexically_relative(folder);
  const bool is_below = !relative.empty() && *relative.begin() != "..";
  return is_below ? relative.string() : picture.file.string();
}

Json to_json(const text::Annotation& annotation) {
  Json json = Json::object();
  const auto put = [&](const char* key, const auto& value) {
    if (value) json[key] = *value;
  };
  put("style", annotation.style);
  put("messages", annotation.messages);
  put("prompt", annotation.prompt);
  put("question", annotation.question);
  put("options", annotation.options);
  put("label", annotation.label);
  put("answer", annotation.answer);
  put("answers", annotation.answers);
  put("answer_idx", annotation.answer_index);
  put("text", annotation.text);
  put("points", annotation.points);
  if (annotation.points) json["point_scale"] = annotation.point_scale ? Json(*annotation.point_scale) : Json(nullptr);
  return json;
}

}  // namespace

Example parse_record(const Json& record, const fs::path& folder, std::string_view where) {
  check_keys(record, kRecordKeys, where);
  Example example;
  if (has(record, "id")) {
    const Json& id = record["id"];
    if (!id.is_string() && !id.is_number_integer())
      fail(ErrorCategory::BadData, "{}: 'id' is {}, expected a text", where, dump_json(id));
    example.id = id.is_string() ? id.get<std::string>() : dump_json(id);
  }
  if (has(record, "image")) example.pictures.push_back({.file = file_of(record, "image", folder, where)});
  if (has(record, "text")) example.plain_text = text_of(record, "text", where);
  if (has(record, "label_map")) {
    if (example.pictures.empty()) fail(ErrorCategory::BadData, "{}: 'label_map' needs an 'image'", where);
    example.label_map = Picture{.file = file_of(record, "label_map", folder, where)};
  }
  if (has(record, "weight")) {
    const Json& weight = record["weight"];
    if (!weight.is_number() || !(weight.get<double>() >= 0) || !std::isfinite(weight.get<double>()))
      fail(ErrorCategory::BadData, "{}: 'weight' is {}, expected a number of at least 0", where, dump_json(weight));
    example.weight = weight.get<double>();
  }
  if (record.contains("annotations")) {
    parse_annotations(record["annotations"], example, where);
  } else if (!example.plain_text && !example.label_map) {
    fail(ErrorCategory::BadData, "{}: nothing to learn: expected 'annotations', 'text' or 'label_map'", where);
  }
  return example;
}

Json to_record(const Example& example, const fs::path& folder) {
  if (example.pictures.size() > 1)
    fail(ErrorCategory::Unsupported, "{}: has {} pictures, a record has one", example.id, example.pictures.size());
  Json record = Json::object();
  record["id"] = example.id;
  record["image"] = example.pictures.empty() ? Json(nullptr) : Json(relative_path(example.pictures.front(), folder));
  if (example.plain_text) record["text"] = *example.plain_text;
  if (example.label_map) record["label_map"] = relative_path(*example.label_map, folder);
  if (example.weight) record["weight"] = *example.weight;
  if (!example.text.annotations.empty()) {
    Json& annotations = record["annotations"] = Json::array();
    for (const text::Annotation& annotation : example.text.annotations) {
      Json& json = annotations.emplace_back(to_json(annotation));
      // The format has no points inside answers: they are written out.
      if (!annotation.answer_points.empty()) json["answer"] = text::answer_with_points(annotation);
    }
  }
  return record;
}

RecordCheck check_records(const fs::path& path, const RecordCheckOptions& options) {
  const auto file = RecordFile::open(path);
  std::vector<std::string> ids(file->size()), messages(file->size());
  parallel_for(static_cast<int64_t>(file->size()), /*grain=*/16, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      try {
        const Example example = parse_record(file->json(i), file->folder(), file->where(i));
        ids[i] = example.id;
        if (example.id.empty())
          fail(ErrorCategory::BadData, "{}: 'id' is missing: a text that names the record", file->where(i));
        check_files(example, options.decode_pictures);
      } catch (const Error& error) {
        messages[i] = std::string(error.what()).starts_with(path.string())
                          ? error.what()
                          : fmt::format("{}: {}", file->where(i), error.what());
      }
    }
  });
  RecordCheck check{.num_records = file->size(), .num_problems = 0, .problems = {}};
  std::unordered_map<std::string_view, size_t> first_records;
  for (size_t i = 0; i < file->size(); ++i) {
    if (messages[i].empty()) {
      const auto [found, is_new] = first_records.emplace(ids[i], i);
      if (!is_new) {
        messages[i] = fmt::format("{}: 'id' is \"{}\", as in {}: every record needs one of its own", file->where(i),
                                  ids[i], file->where(found->second));
      }
    }
    if (messages[i].empty()) continue;
    ++check.num_problems;
    if (check.problems.size() < options.max_problems) check.problems.push_back({file->number(i), messages[i]});
  }
  return check;
}

std::shared_ptr<const Dataset> open_jsonl(const DatasetSource& source) {
  source_option(source, "", {});
  return std::make_shared<RecordDataset>(source.path);
}

}  // namespace molmo::data
