// Predictions as JSON lines: {"id", "prediction", ...}. A run appends to the file after every batch; what a kill leaves
// of a last line is cut off when the run goes on.
//   PredictionLog log("out/synth-points/predictions.jsonl");
//   if (!log.find(id)) log.append({{{"id", id}, {"prediction", text}}});
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/line_log.h"

namespace molmo::eval {

class PredictionLog {
 public:
  // Reads what is there. Throws BadData for a line that is not a prediction, or an id that appears twice.
  explicit PredictionLog(const std::filesystem::path& path);

  size_t size() const { return answers_.size(); }
  const std::string* find(std::string_view id) const;  // nullptr where there is none yet

  // They are on the disk when this returns.
  void append(const std::vector<Json>& lines);

 private:
  std::optional<LineLog> log_;
  std::map<std::string, std::string, std::less<>> answers_;
};

}  // namespace molmo::eval
