#include "data/academic.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace molmo::data {

std::string python_text(const Json& value, std::string_view where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) return std::to_string(value.get<uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_number_float()) {
    fail(ErrorCategory::BadData, "{}: an answer is {}, expected a text or a number", where, value.type_name());
  }
  std::string text = fmt::format("{}", value.get<double>());
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

Json grouped_questions(const Row& row, std::string_view style) {
  const Row columns(row.value("questions"), row.where() + ", questions");
  const std::vector<std::string> questions = columns.texts("question");
  const std::vector<Json> answers = columns.list("answer");
  if (answers.size() != questions.size()) {
    fail(ErrorCategory::BadData, "{}: {} questions, but {} answers", row.where(), questions.size(), answers.size());
  }
  Json messages = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    Json message = {{"question", questions[i]}};
    if (!answers[i].is_null()) message["answer"] = python_text(answers[i], row.where());
    message["style"] = style;
    messages.push_back(std::move(message));
  }
  return messages;
}

Example make_example(const Json& fields, std::string id, std::vector<Picture> pictures, std::string_view where) {
  Example example;
  example.id = std::move(id);
  example.pictures = std::move(pictures);
  example.text = text::parse_example(fields, where);
  if (fields.contains("weight")) example.weight = fields["weight"].get<double>();
  auto metadata = std::make_shared<Json>(fields.value("metadata", Json::object()));
  for (const char* name : {"answers", "answer", "answer_idx", "options", "unlabelled_options"}) {
    if (fields.contains(name) && !metadata->contains(name)) (*metadata)[name] = fields[name];
  }
  example.metadata = std::move(metadata);
  return example;
}

namespace {

class RowDataset : public Dataset {
 public:
  RowDataset(std::string name, size_t size, std::function<Example(size_t index)> read)
      : name_(std::move(name)), size_(size), read_(std::move(read)) {}
  const std::string& name() const override { return name_; }
  size_t size() const override { return size_; }
  Example example(size_t index, RandomStream&) const override {
    check_internal(index < size_, "an example is asked for that the data set does not have");
    return read_(index);
  }

 private:
  std::string name_;
  size_t size_;
  std::function<Example(size_t index)> read_;
};

}  // namespace

std::shared_ptr<const Dataset> make_dataset(const DatasetSource& source, size_t size,
                                            std::function<Example(size_t index)> read) {
  return std::make_shared<RowDataset>(source.name, size, std::move(read));
}

std::string split_file(const DatasetSource& source, std::initializer_list<SplitName> splits) {
  source_option(source, "", {});  // these sets have no settings
  std::string known;
  for (const SplitName& split : splits) {
    if (source.split == split.name) return std::string(split.file);
    known += (known.empty() ? "" : ", ") + std::string(split.name);
  }
  fail(ErrorCategory::NotFound, "{} has no split '{}', only: {}", source.name, source.split, known);
}

std::filesystem::path find_file(const std::filesystem::path& folder, std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (std::filesystem::exists(folder / name)) return folder / name;
  }
  fail(ErrorCategory::NotFound, "{}: there is no {} in it", folder.string(), *names.begin());
}

}  // namespace molmo::data
