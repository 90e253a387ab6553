// PixMo-CapQA: questions and answers that a language model wrote from captions.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

namespace molmo::data {
namespace {

std::vector<std::vector<std::string>> conversations_of(const Row& record) {
  std::vector<std::vector<std::string>> conversations;
  if (record.has("messages")) {
    for (const Json& messages : record.list("messages")) {
      const Json columns = {{"messages", messages}};
      conversations.push_back(Row(columns, record.where()).texts("messages"));
    }
    return conversations;
  }
  const auto questions = record.texts("question"), answers = record.texts("answer");
  if (questions.size() != answers.size())
    fail(ErrorCategory::BadData, "{}: {} questions, but {} answers", record.where(), questions.size(), answers.size());
  for (size_t i = 0; i < questions.size(); ++i) conversations.push_back({questions[i], answers[i]});
  return conversations;
}

}  // namespace

Json pixmo_cap_qa_example(const Row& record, std::string_view style, const NoPointing& no_pointing,
                          config::Quirks quirks) {
  Json list = Json::array();
  for (std::vector<std::string>& messages : conversations_of(record)) {
    for (size_t turn = 0; turn < messages.size(); turn += 2) {
      const std::string prefix = no_pointing_prefix(messages[turn], no_pointing);
      if (prefix.empty()) continue;
      messages[turn] = prefix + messages[quirks == config::Quirks::Reference ? 0 : turn];
    }
    list.push_back({{"messages", messages}, {"style", style}});
  }
  return {{"message_list", list}, {"metadata", {{"image_url", record.text("image_url")}}}};
}

std::shared_ptr<const Dataset> open_pixmo_cap_qa(const DatasetSource& source) {
  const auto has_messages = [&] {
    const std::string split = has_parquet_split(source.path, source.split) ? source.split : "train";
    return ParquetTable::open(find_parquet_files(source.path, split))->has_column("messages");
  };
  RecordOptions options{.is_grouped = true, .num_validation = 2048, .settings = {"style"}};
  options.columns =
      has_messages() ? std::vector<std::string>{"messages"} : std::vector<std::string>{"question", "answer"};
  std::string style = pixmo_setting(source, "style", options.settings);
  if (style.empty()) style = "synthetic_qa";
  const auto records = PixmoRecords::open(source, options);
  return make_dataset(source, records->size(), [=, quirks = source.quirks](size_t index, RandomStream& stream) {
    const PixmoRecord record = records->record(index);
    text::StreamDraws draws(stream);
    const Json fields =
        pixmo_cap_qa_example(Row(record.columns, record.where), style, {builtin_no_pointing_prefixes(), draws}, quirks);
    return make_example(fields, record.id, {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
