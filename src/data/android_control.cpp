// AndroidControl: what to do next on a phone's screen, given a goal, an instruction for the step, or both.
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/academic.h"
#include "data/android_episodes.h"
#include "data/json_rows.h"

namespace molmo::data {

Json android_control_example(const Row& row, AndroidMode mode) {
  const std::string action = row.text("target_action"), instruction = row.text("ll_instruction"),
                    goal = row.text("hl_instruction");
  const auto annotation = [](const std::string& prompt, const std::string& text) {
    return Json{{"prompt", prompt}, {"text", text}, {"style", "android_control"}};
  };
  const Json low = annotation("low_level: " + instruction, action);
  const Json both = annotation("high_level: " + goal + " low_level: " + instruction, action);
  const Json high = annotation("high_level: " + goal, action);
  const Json plan = annotation("high_level_cot: " + goal, "Plan: " + instruction + " Action: " + action);

  Json fields = {{"metadata",
                  {{"target_action", action},
                   {"target_box", row.text("target_box")},
                   {"ll_instruction", instruction},
                   {"hl_instruction", goal}}}};
  switch (mode) {
    case AndroidMode::LowLevel:
      fields.update(low);
      break;
    case AndroidMode::HighLevel:
      fields.update(high);
      break;
    case AndroidMode::HighAndLowLevel:
      fields.update(both);
      break;
    case AndroidMode::HighLevelWithPlan:
      fields.update(plan);
      break;
    case AndroidMode::All:
      fields["message_list"] = {low, both, high, plan};
      break;
  }
  return fields;
}

namespace {

std::set<int64_t> read_ids(const std::filesystem::path& file, std::string_view name) {
  const Json document = read_json_file(file);
  std::set<int64_t> ids;
  for (const Json& id : Row(document, file.string()).list(name)) {
    if (!id.is_number_integer()) {
      fail(ErrorCategory::BadData, "{}: '{}' is not a list of whole numbers", file.string(), name);
    }
    ids.insert(id.get<int64_t>());
  }
  return ids;
}

// Episodes of the split; of the test split those that are like the training data, as in the reference.
std::set<int64_t> split_episodes(const std::filesystem::path& folder, const std::string& split) {
  std::set<int64_t> ids = read_ids(find_file(folder, {"splits.json"}), split);
  if (split != "test") return ids;
  const std::set<int64_t> in_domain = read_ids(find_file(folder, {"test_subsplits.json"}), "IDD");
  std::erase_if(ids, [&](int64_t id) { return !in_domain.contains(id); });
  return ids;
}

AndroidMode mode_of(const std::string& name) {
  static const std::map<std::string, AndroidMode> kModes = {
      {"android_control", AndroidMode::All},
      {"android_control_ll", AndroidMode::LowLevel},
      {"android_control_hl", AndroidMode::HighLevel},
      {"android_control_hl_ll", AndroidMode::HighAndLowLevel},
      {"android_control_hl_cot", AndroidMode::HighLevelWithPlan},
  };
  const auto found = kModes.find(name);
  check_internal(found != kModes.end(), "a name of AndroidControl without a mode");
  return found->second;
}

struct AndroidSteps {
  struct File {
    JsonRows steps;
    std::shared_ptr<const MappedFile> screens;
  };
  struct Place {
    uint32_t file, row;
  };
  std::vector<File> files;
  std::vector<Place> steps;  // of the split

  Picture screen(const File& file, const Row& row) const {
    const auto bytes = file.screens->bytes();
    const int64_t offset = row.integer("screen_offset"), size = row.integer("screen_bytes");
    const auto num_bytes = static_cast<int64_t>(bytes.size());
    if (offset < 0 || size < 0 || offset > num_bytes || size > num_bytes - offset) {
      fail(ErrorCategory::BadData, "{}: its screenshot lies beyond the end of {}. Remove both files to unpack again.",
           row.where(), file.screens->path().string());
    }
    const auto* begin = reinterpret_cast<const char*>(bytes.data()) + offset;
    return {.file = {}, .bytes = std::make_shared<const std::string>(begin, begin + size)};
  }
};

}  // namespace

std::shared_ptr<const Dataset> open_android_control(const DatasetSource& source) {
  const std::string split = split_file(source, {{"train", "train"}, {"validation", "validation"}, {"test", "test"}});
  const std::set<int64_t> episodes = split_episodes(source.path, split);
  auto data = std::make_shared<AndroidSteps>();
  for (const UnpackedFile& unpacked : unpack_episodes(source.path)) {
    const JsonRows rows = JsonRows::of_lines(unpacked.steps);
    for (size_t i = 0; i < rows.size(); ++i) {
      const Json columns = rows.row(i);
      if (episodes.contains(Row(columns, rows.where(i)).integer("episode_id"))) {
        data->steps.push_back({static_cast<uint32_t>(data->files.size()), static_cast<uint32_t>(i)});
      }
    }
    data->files.push_back({rows, MappedFile::open(unpacked.screens)});
  }
  const AndroidMode mode = mode_of(source.name);
  return make_dataset(source, data->steps.size(), [=, quirks = source.quirks](size_t index) {
    const auto [file_index, row_index] = data->steps[index];
    const AndroidSteps::File& file = data->files[file_index];
    Json columns = file.steps.row(row_index);
    const Row row(columns, file.steps.where(row_index));
    if (quirks == config::Quirks::Fixed && row.has("app_box")) columns["target_box"] = row.text("app_box");
    return make_example(android_control_example(row, mode),
                        fmt::format("{}-{}", row.integer("episode_id"), row.integer("step")), {data->screen(file, row)},
                        row.where());
  });
}

}  // namespace molmo::data
