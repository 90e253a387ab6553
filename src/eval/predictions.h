// Predictions as JSON lines: {"id", "prediction", ...}. A run appends to the file after every batch; what a kill leaves
// of a last line is cut off when the run goes on.
//   PredictionLog log("out/synth-points/predictions.jsonl");
//   if (!log.find(id)) log.append({{{"id", id}, {"prediction", text}}});
// Each rank of several has a file of its own, part_file(); join_parts() makes one of all.
#pragma once

#include <cstdint>
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

// By id, of all whole lines. Nothing where there is no file.
std::map<std::string, std::string, std::less<>> read_answers(const std::filesystem::path& predictions);

std::filesystem::path part_file(const std::filesystem::path& predictions, int64_t rank);

// Moves the lines of all parts, whoever wrote them and however many there are, to the end of the predictions. Of two
// answers to one question the first counts. A kill at any moment loses nothing: the next call goes on. False where
// there was no part. Throws BadData for a damaged line.
bool join_parts(const std::filesystem::path& predictions);

// Puts the lines into the order of the ids; those of other ids go to the end.
void order_predictions(const std::filesystem::path& predictions, const std::vector<std::string>& ids);

}  // namespace molmo::eval
