#include "data/android_episodes.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "data/accessibility_tree.h"
#include "data/android_action.h"
#include "data/picture_file.h"
#include "data/tf_record.h"
#include "text/utf8.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "android_control-";
constexpr std::string_view kOpenAppAction = "Open App ";

// One episode: a goal, a screenshot before each step and one after the last.
class Episode {
 public:
  Episode(std::string_view record, const std::string& where)
      : where_(where),
        example_(record, where),
        screens_(example_.bytes("screenshots")),
        actions_(example_.bytes("actions")),
        instructions_(example_.bytes("step_instructions")),
        trees_(example_.bytes("accessibility_trees")) {
    const size_t num_found = std::min({actions_.size(), instructions_.size(), trees_.size()});
    if (num_found < num_steps()) {
      fail(ErrorCategory::BadData, "{}: {} screenshots, but {} actions, {} instructions and {} accessibility trees",
           where_, screens_.size(), actions_.size(), instructions_.size(), trees_.size());
    }
    if (example_.bytes("goal").empty() || example_.integers("episode_id").empty()) {
      fail(ErrorCategory::BadData, "{}: the episode has no goal or no number", where_);
    }
  }

  size_t num_steps() const { return screens_.empty() ? 0 : screens_.size() - 1; }
  std::string_view screen(size_t step) const { return screens_[step]; }

  Json row(size_t step) const {
    const std::string source = fmt::format("{}, step {}", where_, step);
    const ImageSize size = png_size(screens_[step], source);
    const std::string action = action_text(parse_json(actions_[step], source), source);
    const auto windows = parse_accessibility_forest(trees_[step], source);
    Json row = {{"episode_id", example_.integers("episode_id")[0]},
                {"step", step},
                {"hl_instruction", text::replace_invalid_utf8(example_.bytes("goal")[0])},
                {"ll_instruction", text::replace_invalid_utf8(instructions_[step])},
                {"target_action", scaled_action(action, size)}};
    const auto scaled = [&](const std::optional<PixelBox>& box) { return box ? scaled_box(*box, size) : ""; };
    if (action.starts_with(kOpenAppAction)) {
      const std::string app = action.substr(kOpenAppAction.size()), screen = screen_text(windows);
      row["target_box"] = scaled(app_box(screen, app, config::Quirks::Reference));
      row["app_box"] = scaled(app_box(screen, app, config::Quirks::Fixed));
    } else {
      row["target_box"] = scaled(click_box(action, visible_boxes(windows, size)));
    }
    return row;
  }

 private:
  const std::string& where_;
  TfExample example_;
  const std::vector<std::string_view>&screens_, &actions_, &instructions_, &trees_;
};

void unpack(const fs::path& record_file, const UnpackedFile& target) {
  AtomicFile screens(target.screens);
  std::string rows;
  uint64_t offset = 0;
  TfRecordReader records(record_file);
  while (records.next()) {
    const std::string where = records.where();
    const Episode episode(records.record(), where);
    for (size_t step = 0; step < episode.num_steps(); ++step) {
      Json row = episode.row(step);
      row["screen_offset"] = offset;
      row["screen_bytes"] = episode.screen(step).size();
      rows += dump_json(row) + "\n";
      screens.write(episode.screen(step));
      offset += episode.screen(step).size();
    }
  }
  // In this order: where there are rows, their pictures are there, too.
  screens.commit();
  write_file_atomic(target.steps, rows);
}

// "android_control-00003-of-00020" -> 3 and 20.
std::optional<std::pair<int, int>> parse_name(const std::string& name) {
  int index = 0, count = 0, end = 0;
  const std::string pattern = std::string(kPrefix) + "%5d-of-%5d%n";
  if (std::sscanf(name.c_str(), pattern.c_str(), &index, &count, &end) != 2) return std::nullopt;
  if (static_cast<size_t>(end) != name.size() || index < 0 || index >= count) return std::nullopt;
  return std::pair(index, count);
}

// Names of the files of the set, from those that are published or unpacked already.
std::vector<std::string> find_names(const fs::path& folder) {
  int num_files = 0;
  std::map<int, std::string> names;
  const auto add = [&](const std::string& name) {
    const auto parsed = parse_name(name);
    if (!parsed) return;
    if (num_files != 0 && num_files != parsed->second) {
      fail(ErrorCategory::BadData, "{}: files of {} and of {} are mixed in it", folder.string(), num_files,
           parsed->second);
    }
    num_files = parsed->second;
    names[parsed->first] = name;
  };
  for (const fs::path& place : {folder, folder / "unpacked"}) {
    if (!fs::is_directory(place)) continue;
    for (const auto& entry : fs::directory_iterator(place)) {
      const fs::path path = entry.path();
      if (place == folder) add(path.filename().string());
      if (place != folder && path.extension() == ".jsonl") add(path.stem().string());
    }
  }
  if (num_files == 0) {
    fail(ErrorCategory::NotFound, "{}: there are no files android_control-00000-of-00020 and so on in it",
         folder.string());
  }
  std::vector<std::string> all;
  for (int i = 0; i < num_files; ++i) {
    if (!names.contains(i)) {
      fail(ErrorCategory::NotFound, "{}: {}{:05}-of-{:05} is missing", folder.string(), kPrefix, i, num_files);
    }
    all.push_back(names[i]);
  }
  return all;
}

}  // namespace

std::vector<UnpackedFile> unpack_episodes(const fs::path& folder) {
  const std::vector<std::string> names = find_names(folder);
  std::vector<UnpackedFile> files;
  Progress progress("unpack AndroidControl", names.size(), "files");
  for (const std::string& name : names) {
    const UnpackedFile file = {folder / "unpacked" / (name + ".jsonl"), folder / "unpacked" / (name + ".screens")};
    if (!fs::exists(file.steps) || !fs::exists(file.screens)) {
      log_info("unpacking {}, once", (folder / name).string());
      fs::create_directories(file.steps.parent_path());
      unpack(folder / name, file);
    }
    files.push_back(file);
    progress.advance();
  }
  return files;
}

}  // namespace molmo::data
