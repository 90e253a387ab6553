// PixMo-AskModelAnything: questions of people, with answers that they accepted.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"
#include "text/templates.h"

namespace molmo::data {

std::span<const std::string> builtin_no_pointing_prefixes() {
  static const auto kTemplates = text::TemplateLists::builtin();
  return kTemplates->list("no_pointing_prefix");
}

std::string no_pointing_prefix(std::string_view question, const NoPointing& no_pointing) {
  constexpr std::string_view kBeginning = "how many";
  const auto is_equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  const bool begins = question.size() >= kBeginning.size() &&
                      std::equal(kBeginning.begin(), kBeginning.end(), question.begin(),
                                 [&](char wanted, char found) { return is_equal(found, wanted); });
  if (!begins || question.find('\n') != std::string_view::npos) return "";
  return no_pointing.prefixes[no_pointing.draws.choice(no_pointing.prefixes.size())];
}

Json pixmo_ask_example(const Row& record, const NoPointing& no_pointing) {
  const std::vector<std::string> questions = record.texts("question"), answers = record.texts("answer");
  if (questions.size() != answers.size())
    fail(ErrorCategory::BadData, "{}: {} questions, but {} answers", record.where(), questions.size(), answers.size());
  Json list = Json::array();
  for (size_t i = 0; i < questions.size(); ++i) {
    list.push_back({{"question", no_pointing_prefix(questions[i], no_pointing) + questions[i]},
                    {"answer", answers[i]},
                    {"style", "user_qa"}});
  }
  return {{"message_list", list}, {"metadata", {{"image_url", record.text("image_url")}}}};
}

std::shared_ptr<const Dataset> open_pixmo_ask(const DatasetSource& source) {
  const auto records =
      PixmoRecords::open(source, {.columns = {"question", "answer"}, .is_grouped = true, .num_validation = 2048});
  return make_dataset(source, records->size(), [=](size_t index, RandomStream& stream) {
    const PixmoRecord record = records->record(index);
    text::StreamDraws draws(stream);
    const Json fields = pixmo_ask_example(Row(record.columns, record.where), {builtin_no_pointing_prefixes(), draws});
    return make_example(fields, record.id, {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
