#include "train/step_meter.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/flops.h"

namespace molmo::train {
namespace {

int64_t count_pictures(std::span<const Batch> micro_batches) {
  int64_t count = 0;
  for (const Batch& batch : micro_batches) count += static_cast<int64_t>(batch.examples.input.image_sizes.size());
  return count;
}

}  // namespace

StepMeter::StepMeter(const config::StageConfig& stage, const config::ModelConfig& model, int64_t steps_done,
                     int64_t num_ranks, std::optional<double> peak)
    : stage_(stage),
      model_(model),
      num_ranks_(num_ranks),
      peak_(peak),
      progress_(stage.name, static_cast<uint64_t>(stage.steps), "steps", static_cast<uint64_t>(steps_done)) {}

void StepMeter::add(const StepMetrics& metrics, std::span<const Batch> micro_batches,
                    std::chrono::duration<double> time_waited) {
  ++window_.num_steps;
  window_.num_examples += stage_.global_batch;
  window_.num_pictures += count_pictures(micro_batches) * num_ranks_;
  window_.num_tokens += metrics.num_tokens;
  window_.loss += metrics.cross_entropy;
  window_.accuracy += metrics.accuracy;
  window_.learning_rates = metrics.learning_rates;
  window_.waited = time_waited;
  if (peak_) {
    window_.flops += step_flops(model_, stage_.objective,
                                {.num_tokens = metrics.num_tokens,
                                 .num_crops = metrics.num_crops,
                                 .tokens_per_example = metrics.num_tokens / stage_.global_batch});
  }
  if (!has_text_) {  // not nothing until the first line of the log is due
    has_text_ = true;
    progress_.describe(fmt::format("loss {:.4g}, accuracy {:.3f}", metrics.cross_entropy, metrics.accuracy));
  }
  progress_.advance();
}

Speed StepMeter::take() {
  const double seconds = std::max(std::chrono::duration<double>(Clock::now() - window_.begin).count(), 1e-9);
  const auto per_second = [&](auto count) { return static_cast<double>(count) / seconds; };
  Speed speed{.seconds_per_step = seconds / static_cast<double>(std::max<int64_t>(window_.num_steps, 1)),
              .tokens_per_second = per_second(window_.num_tokens),
              .pictures_per_second = per_second(window_.num_pictures),
              .examples_per_second = per_second(window_.num_examples),
              .data_wait = per_second((window_.waited - window_.waited_before).count())};
  if (peak_) speed.utilization = per_second(window_.flops) / *peak_;
  describe(speed);
  Window next;
  next.waited_before = next.waited = window_.waited;
  window_ = next;
  return speed;
}

void StepMeter::describe(const Speed& speed) {
  const auto steps = static_cast<double>(std::max<int64_t>(window_.num_steps, 1));
  const auto& rates = window_.learning_rates;
  std::string text = fmt::format("loss {:.4g}, accuracy {:.3f}, rates {:.2g} {:.2g} {:.2g}", window_.loss / steps,
                                 window_.accuracy / steps, rates[0], rates[1], rates[2]);
  text += fmt::format(", {:.0f} tokens/s", speed.tokens_per_second);
  if (window_.num_pictures > 0) text += fmt::format(", {:.3g} pictures/s", speed.pictures_per_second);
  text += fmt::format(", {:.0f} % waiting for data", 100 * speed.data_wait);
  if (speed.utilization) text += fmt::format(", {:.0f} % of peak", 100 * *speed.utilization);
  progress_.describe(std::move(text));
}

}  // namespace molmo::train
