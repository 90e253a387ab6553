// How fast a stage goes, and the line or bar that says so while it does.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "base/progress.h"
#include "config/model.h"
#include "config/training.h"
#include "train/run_log.h"
#include "train/trainer.h"

namespace molmo::train {

class StepMeter {
 public:
  // `num_ranks` read different examples. `peak` is of all of them together, floating point operations per second.
  StepMeter(const config::StageConfig& stage, const config::ModelConfig& model, int64_t steps_done, int64_t num_ranks,
            std::optional<double> peak);

  // After each step. `time_waited` is the total of the stage so far.
  void add(const StepMetrics& metrics, std::span<const Batch> micro_batches, std::chrono::duration<double> time_waited);
  // Of the steps since the last call, which become the text of the bar.
  Speed take();

 private:
  using Clock = std::chrono::steady_clock;

  // Sums over the steps since the last take().
  struct Window {
    int64_t num_steps = 0, num_examples = 0, num_pictures = 0, num_tokens = 0;
    double loss = 0, accuracy = 0, flops = 0;
    ByComponent learning_rates{};
    Clock::time_point begin = Clock::now();
    std::chrono::duration<double> waited_before{}, waited{};
  };
  void describe(const Speed& speed);

  config::StageConfig stage_;
  config::ModelConfig model_;
  int64_t num_ranks_;
  std::optional<double> peak_;
  Progress progress_;
  bool has_text_ = false;
  Window window_;
};

}  // namespace molmo::train
