// ST-VQA: questions about the text in photographs.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/academic.h"
#include "data/json_rows.h"
#include "data/numpy_shuffle.h"
#include "data/picture_file.h"

namespace molmo::data {

Json st_qa_example(const Row& row) {
  Json fields = {{"question", row.text("question")}};
  fields["metadata"] = {{"example_id", row.value("question_id")}};
  fields["answers"] = row.has("answers") ? Json(row.texts("answers")) : Json::array();
  fields["style"] = "st_qa";
  return fields;
}

namespace {

constexpr uint32_t kSplitSeed = 63069;
constexpr size_t kNumValidation = 1024;

// Rows of the training file, as the reference orders them before it sets the first aside for validation.
std::vector<size_t> shuffled_rows(const JsonRows& rows) {
  std::vector<std::pair<int64_t, size_t>> ids;
  for (size_t i = 0; i < rows.size(); ++i) ids.emplace_back(Row(rows.row(i), rows.where(i)).integer("question_id"), i);
  std::stable_sort(ids.begin(), ids.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<size_t> order;
  for (const auto& [id, index] : ids) order.push_back(index);
  numpy_shuffle(order, kSplitSeed);
  return order;
}

}  // namespace

std::shared_ptr<const Dataset> open_st_qa(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "train"}, {"test", "test"}});
  const auto rows =
      std::make_shared<const JsonRows>(JsonRows::of_array(find_file(source.path, {split + "_task_3.json"}), "data"));
  std::vector<size_t> kept(rows->size());
  for (size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  if (split == "train") {
    kept = shuffled_rows(*rows);
    const auto border = kept.begin() + static_cast<std::ptrdiff_t>(std::min(kNumValidation, kept.size()));
    kept = source.split == "train" ? std::vector(border, kept.end()) : std::vector(kept.begin(), border);
  }
  const std::filesystem::path folder = source.path;
  return make_dataset(source, kept.size(), [=](size_t index) {
    const Json columns = rows->row(kept[index]);
    const Row row(columns, rows->where(kept[index]));
    return make_example(st_qa_example(row), row.id("question_id"),
                        {find_picture(folder, row.text("file_path"), row.where())}, row.where());
  });
}

}  // namespace molmo::data
