// AI2D: multiple-choice questions about diagrams of school science, some of which speak of letters that stand in place
// of the diagram's texts.
#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/academic.h"
#include "data/diagram_labels.h"
#include "data/numpy_shuffle.h"
#include "data/picture_file.h"
#include "image/encode.h"

namespace molmo::data {
namespace {

// Letters of diagrams are of ASCII.
std::string to_upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

}  // namespace

Json ai2d_example(const Row& row) {
  std::vector<std::string> options = row.texts("answer_texts");
  const std::vector<Json> is_letter = row.list("option_is_abc");
  if (is_letter.size() != options.size()) {
    fail(ErrorCategory::BadData, "{}: {} options, but 'option_is_abc' has {} entries", row.where(), options.size(),
         is_letter.size());
  }
  const bool has_labels = row.flag("abc_label");
  Json fields = {{"question", row.text("question")}, {"answer_idx", row.integer("correct_answer")}};
  fields["metadata"] = {{"example_id", row.value("question_id")},
                        {"image_id", row.value("image_id")},
                        {"abc_label", has_labels},
                        {"has_transparent_box", row.flag("has_transparent_box")}};
  const auto num_letters = static_cast<size_t>(std::count(is_letter.begin(), is_letter.end(), Json(true)));
  if (has_labels && num_letters + 1 >= options.size()) {
    for (size_t i = 0; i < options.size(); ++i) {
      if (is_letter[i] == true) options[i] = to_upper(options[i]);
    }
    fields["unlabelled_options"] = options;
    fields["style"] = "ai2_diagram_no_letter";
  } else {
    fields["options"] = options;
    fields["style"] = "ai2_diagram";
  }
  return fields;
}

namespace {

constexpr uint32_t kSplitSeed = 5961;
constexpr size_t kNumValidationImages = 384;

struct Question {
  Json columns;  // of ai2d_example()
  std::string where, image_name;
  std::optional<LabelRendering> rendering;  // of the letters; empty: the picture as it is
};

int64_t parse_number(std::string_view text, const std::string& where) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fail(ErrorCategory::BadData, "{}: '{}' is no number of an image", where, text.substr(0, 50));
  }
  return value;
}

std::set<int64_t> read_test_ids(const std::filesystem::path& file) {
  std::set<int64_t> ids;
  const std::string text = read_file(file, 16u << 20);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    line = line.substr(0, line.find_last_not_of(" \r\t") + 1);
    if (!line.empty()) ids.insert(parse_number(line, file.string()));
    begin = end + 1;
  }
  return ids;
}

std::vector<DiagramLabel> read_labels(const std::filesystem::path& folder, const std::string& image_name) {
  const auto file = find_file(folder / "annotations", {image_name + ".json"});
  const Json document = read_json_file(file);
  std::vector<DiagramLabel> labels;
  for (const auto& [name, columns] : Row(document, file.string()).value("text").items()) {
    const Row row(columns, file.string() + ", text " + name);
    DiagramLabel label;
    label.letter = row.text("replacementText");
    if (label.letter.empty() || label.letter.size() > 8) {
      fail(ErrorCategory::BadData, "{}: 'replacementText' has {} bytes, expected a letter", row.where(),
           label.letter.size());
    }
    int64_t* const edges[] = {&label.left, &label.top, &label.right, &label.bottom};
    const std::vector<Json> corners = row.list("rectangle");
    for (size_t i = 0; i < 4; ++i) {
      const bool is_pair = corners.size() == 2 && corners[i / 2].is_array() && corners[i / 2].size() == 2;
      if (!is_pair || !corners[i / 2][i % 2].is_number()) {
        fail(ErrorCategory::BadData, "{}: 'rectangle' is not two corners", row.where());
      }
      const double edge = corners[i / 2][i % 2].get<double>();
      if (!(edge > -1e6 && edge < 1e6)) fail(ErrorCategory::BadData, "{}: a corner is at {}", row.where(), edge);
      *edges[i] = static_cast<int64_t>(edge);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

// Options without empty ones and repetitions, and which of them remains the answer.
struct Options {
  std::vector<std::string> texts;
  int64_t correct = 0;
};

Options prune_options(const Row& question) {
  const std::vector<std::string> all = question.texts("answerTexts");
  const int64_t correct = question.integer("correctAnswer");
  if (correct < 0 || correct >= static_cast<int64_t>(all.size())) {
    fail(ErrorCategory::BadData, "{}: 'correctAnswer' is {}, but there are {} answers", question.where(), correct,
         all.size());
  }
  Options kept;
  for (const std::string& text : all) {
    if (text != "{}" && std::find(kept.texts.begin(), kept.texts.end(), text) == kept.texts.end()) {
      kept.texts.push_back(text);
    }
  }
  const auto answer = std::find(kept.texts.begin(), kept.texts.end(), all[static_cast<size_t>(correct)]);
  if (answer == kept.texts.end()) fail(ErrorCategory::BadData, "{}: the correct answer is empty", question.where());
  kept.correct = answer - kept.texts.begin();
  return kept;
}

// All questions about one image. Those with letters come twice, one with each rendering.
std::vector<Question> read_questions(const std::filesystem::path& folder, const std::filesystem::path& file,
                                     int64_t& image_id) {
  const Json document = read_json_file(file);
  const Row image(document, file.string());
  const std::string image_name = image.text("imageName");
  image_id = parse_number(std::string_view(image_name).substr(0, image_name.find('.')), file.string());
  std::set<std::string> letters;
  bool has_read_labels = false;
  std::vector<Question> questions;
  if (!image.value("questions").is_object())
    fail(ErrorCategory::BadData, "{}: 'questions' is no object", file.string());
  for (const auto& [text, columns] : image.value("questions").items()) {
    const Row row(columns, file.string() + ", question " + std::to_string(questions.size()));
    const bool has_labels = row.flag("abcLabel");
    if (has_labels && !has_read_labels) {
      for (const DiagramLabel& label : read_labels(folder, image_name)) letters.insert(label.letter);
      has_read_labels = true;
    }
    const Options options = prune_options(row);
    Question question;
    question.where = row.where();
    question.image_name = image_name;
    question.columns = {{"question", text},
                        {"image_id", image_id},
                        {"question_id", row.text("questionId")},
                        {"abc_label", has_labels},
                        {"answer_texts", options.texts},
                        {"correct_answer", options.correct},
                        {"has_transparent_box", false}};
    questions.push_back(question);
    if (!has_labels) continue;
    questions.back().rendering = LabelRendering::Opaque;
    question.columns["question_id"] = row.text("questionId") + "_transparent";
    question.columns["has_transparent_box"] = true;
    question.rendering = LabelRendering::Transparent;
    questions.push_back(std::move(question));
  }
  // Where one question of an image has letters, they count in the options of all.
  for (Question& question : questions) {
    Json is_letter = Json::array();
    for (const Json& option : question.columns["answer_texts"]) {
      is_letter.push_back(letters.contains(to_upper(option.get<std::string>())));
    }
    question.columns["option_is_abc"] = std::move(is_letter);
  }
  return questions;
}

// Images of the split, in the order of the reference where that has one.
std::vector<int64_t> split_images(const std::map<int64_t, std::vector<Question>>& images,
                                  const std::set<int64_t>& test_ids, const std::string& split) {
  std::vector<int64_t> test, other;
  for (const auto& [id, questions] : images) (test_ids.contains(id) ? test : other).push_back(id);
  if (split == "test") return test;
  numpy_shuffle(other, kSplitSeed);
  const auto border = other.begin() + static_cast<std::ptrdiff_t>(std::min(kNumValidationImages, other.size()));
  return split == "train" ? std::vector(border, other.end()) : std::vector(other.begin(), border);
}

Picture draw_question(const std::filesystem::path& folder, const Question& question) {
  Picture picture = find_picture(folder / "images", question.image_name, question.where);
  if (!question.rendering) return picture;
  const auto drawn = image::encode_png(
      draw_labels(image::read_image(picture.file), read_labels(folder, question.image_name), *question.rendering));
  return {.file = {}, .bytes = std::make_shared<const std::string>(drawn)};
}

}  // namespace

std::shared_ptr<const Dataset> open_ai2d(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "validation"}, {"test", "test"}});
  const auto test_ids = read_test_ids(find_file(source.path, {"ai2d_test_ids.csv"}));
  std::map<int64_t, std::vector<Question>> images;
  for (const auto& entry : std::filesystem::directory_iterator(find_file(source.path, {"questions"}))) {
    int64_t image_id = 0;
    auto questions = read_questions(source.path, entry.path(), image_id);
    if (!images.emplace(image_id, std::move(questions)).second) {
      fail(ErrorCategory::BadData, "{}: another file has questions about image {}, too", entry.path().string(),
           image_id);
    }
  }
  const auto questions = std::make_shared<std::vector<Question>>();
  for (const int64_t id : split_images(images, test_ids, split)) {
    for (Question& question : images[id]) {
      const bool is_left_out = (source.name == "ai2d_opaque" && question.rendering == LabelRendering::Transparent) ||
                               (source.name == "ai2d_transparent" && question.rendering == LabelRendering::Opaque);
      if (!is_left_out) questions->push_back(std::move(question));
    }
  }
  const std::filesystem::path folder = source.path;
  return make_dataset(source, questions->size(), [=](size_t index) {
    const Question& question = (*questions)[index];
    const Row row(question.columns, question.where);
    return make_example(ai2d_example(row), row.text("question_id"), {draw_question(folder, question)}, row.where());
  });
}

}  // namespace molmo::data
