// PixMo-Cap: dense captions, and the transcripts of what people said about the picture.
#include <nlohmann/json.hpp>

#include "base/enum_names.h"
#include "base/error.h"
#include "data/pixmo_records.h"
#include "data/pixmo_sets.h"
#include "data/row_dataset.h"

template <>
struct molmo::EnumNames<molmo::data::CapMode> {
  using enum data::CapMode;
  static constexpr EnumName<data::CapMode> kValues[] = {{Captions, "captions"},
                                                        {Transcripts, "transcripts"},
                                                        {TranscriptAndCaption, "transcript_and_caption"},
                                                        {FirstTranscriptAndCaption, "transcript1_and_caption"}};
};

namespace molmo::data {

Json pixmo_cap_example(const Row& row, CapMode mode, text::PromptDraws& draws) {
  Json messages = Json::array();
  const auto add = [&](const std::string& text, const char* style) {
    messages.push_back({{"text", text}, {"style", style}});
  };
  if (mode != CapMode::Transcripts) add(row.text("caption"), "long_caption");
  if (mode != CapMode::Captions) {
    const std::vector<std::string> transcripts = row.texts("transcripts");
    if (transcripts.empty()) fail(ErrorCategory::BadData, "{}: 'transcripts' is empty", row.where());
    if (mode == CapMode::Transcripts) {
      for (const std::string& transcript : transcripts) add(transcript, "transcript");
    } else {
      add(transcripts[mode == CapMode::TranscriptAndCaption ? draws.choice(transcripts.size()) : 0], "transcript");
    }
  }
  return {{"message_list", messages}, {"metadata", {{"image_url", row.text("image_url")}}}};
}

std::shared_ptr<const Dataset> open_pixmo_cap(const DatasetSource& source) {
  const RecordOptions options{.columns = {"caption", "transcripts"}, .num_validation = 2048, .settings = {"mode"}};
  const std::string setting = pixmo_setting(source, "mode", options.settings);
  const CapMode by_name =
      source.name == "pixmo_cap_with_transcripts" ? CapMode::TranscriptAndCaption : CapMode::Captions;
  const CapMode mode = setting.empty() ? by_name : parse_enum<CapMode>(setting, source.name + ": mode");
  const auto records = PixmoRecords::open(source, options);
  return make_dataset(source, records->size(), [=](size_t index, RandomStream& stream) {
    const PixmoRecord record = records->record(index);
    text::StreamDraws draws(stream);
    return make_example(pixmo_cap_example(Row(record.columns, record.where), mode, draws), record.id,
                        {{.file = record.picture}}, record.where);
  });
}

}  // namespace molmo::data
