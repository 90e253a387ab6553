// What a run writes down while it goes on, below its output folder:
//   metrics.jsonl      a line for each step, validation and evaluation: the same bytes however often the run was
//                      interrupted
//   bad-samples.jsonl  samples that could not be used
//   speed.jsonl        times, which no two runs share
//   tensorboard/       the same numbers as event files
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/json.h"
#include "base/line_log.h"
#include "data/loader.h"
#include "report/tensorboard.h"
#include "train/trainer.h"
#include "train/validation.h"

namespace molmo::train {

inline constexpr const char* kMetricsName = "metrics.jsonl";
inline constexpr const char* kSpeedName = "speed.jsonl";
inline constexpr const char* kBadSamplesName = "bad-samples.jsonl";

// Where in the run something happened. Steps count from 1.
struct StepPlace {
  int64_t step = 0;  // of all stages together
  std::string stage;
  int64_t stage_step = 0;
};

// Of the steps since the last line of the log, over all ranks.
struct Speed {
  double seconds_per_step = 0;
  double tokens_per_second = 0, pictures_per_second = 0, examples_per_second = 0;
  double data_wait = 0;                 // share of the time that was spent waiting for examples
  std::optional<double> utilization{};  // share of the peak of arithmetic, where it is known
};

class RunLog {
 public:
  // `lengths` is what lengths() said when the state was saved that the run goes on from; null for a new run. Files of
  // `last_step` and before are kept. Throws Io.
  RunLog(const std::filesystem::path& folder, const Json& lengths, int64_t last_step);

  void add_step(const StepPlace& place, const StepMetrics& metrics, std::span<const data::BadSample> bad_samples);
  void add_validation(const StepPlace& place, std::span<const ValidationLoss> losses);
  void add_evaluation(const StepPlace& place, const std::map<std::string, double>& scores);
  void add_speed(const StepPlace& place, const StepMetrics& metrics, const Speed& speed);

  Json lengths() const;
  void sync();

 private:
  LineLog metrics_, speed_, bad_samples_;
  report::EventWriter events_;
};

// "vision", "connector", "language", in the order of ByComponent.
std::span<const char* const> component_names();

}  // namespace molmo::train
