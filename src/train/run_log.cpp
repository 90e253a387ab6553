#include "train/run_log.h"

#include <array>
#include <nlohmann/json.hpp>
#include <vector>

namespace molmo::train {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kComponents = {"vision", "connector", "language"};

uint64_t length_of(const Json& lengths, const char* name) {
  return lengths.is_object() && lengths.contains(name) ? lengths[name].get<uint64_t>() : 0;
}

Json by_component(const ByComponent& values) {
  Json json = Json::object();
  for (size_t i = 0; i < kComponents.size(); ++i) json[kComponents[i]] = values[i];
  return json;
}

Json line_of(const StepPlace& place) {
  return {{"step", place.step}, {"stage", place.stage}, {"stage_step", place.stage_step}};
}

// The folder is cut before a writer begins its file in it.
fs::path prepare_events(const fs::path& folder, int64_t last_step) {
  if (fs::exists(folder)) report::keep_events_until(folder, last_step);
  return folder;
}

}  // namespace

std::span<const char* const> component_names() {
  return kComponents;
}

RunLog::RunLog(const fs::path& folder, const Json& lengths, int64_t last_step)
    : metrics_(folder / kMetricsName, length_of(lengths, kMetricsName)),
      speed_(folder / kSpeedName, length_of(lengths, kSpeedName)),
      bad_samples_(folder / kBadSamplesName, length_of(lengths, kBadSamplesName)),
      events_(prepare_events(folder / "tensorboard", last_step), last_step + 1) {}

void RunLog::add_step(const StepPlace& place, const StepMetrics& metrics,
                      std::span<const data::BadSample> bad_samples) {
  for (const data::BadSample& sample : bad_samples) {
    Json line = line_of(place);
    line["position"] = sample.position;
    line["source"] = sample.source;
    line["index"] = sample.index;
    line["id"] = sample.id;
    line["reason"] = sample.reason;
    bad_samples_.append(line);
  }
  Json line = line_of(place);
  line["loss"] = metrics.loss;
  line["cross_entropy"] = metrics.cross_entropy;
  line["z_loss"] = metrics.z_loss;
  if (metrics.router_balance_loss) line["router_balance_loss"] = *metrics.router_balance_loss;
  if (metrics.router_z_loss) line["router_z_loss"] = *metrics.router_z_loss;
  line["accuracy"] = metrics.accuracy;
  line["loss_weight"] = metrics.loss_weight;
  line["tokens"] = metrics.num_tokens;
  line["crops"] = metrics.num_crops;
  line["grad_norm"] = by_component(metrics.grad_norms);
  line["learning_rate"] = by_component(metrics.learning_rates);
  if (metrics.is_skipped) line["skipped"] = true;
  if (!bad_samples.empty()) line["bad_samples"] = bad_samples.size();
  metrics_.append(line);
}

void RunLog::add_validation(const StepPlace& place, std::span<const ValidationLoss> losses) {
  Json line = line_of(place);
  std::vector<report::Scalar> scalars;
  for (const ValidationLoss& loss : losses) {
    Json& set = line["validation"][loss.set];
    set["examples"] = loss.num_examples;
    set["cross_entropy"] = loss.cross_entropy;
    set["accuracy"] = loss.accuracy;
    scalars.push_back({fmt::format("validation/{}/cross_entropy", loss.set), loss.cross_entropy});
    scalars.push_back({fmt::format("validation/{}/accuracy", loss.set), loss.accuracy});
    if (!loss.shuffled_cross_entropy) continue;
    set["shuffled_cross_entropy"] = *loss.shuffled_cross_entropy;
    scalars.push_back({fmt::format("validation/{}/shuffled_cross_entropy", loss.set), *loss.shuffled_cross_entropy});
  }
  metrics_.append(line);
  events_.add(place.step, scalars);
}

void RunLog::add_evaluation(const StepPlace& place, const std::map<std::string, double>& scores) {
  Json line = line_of(place);
  line["evaluation"] = Json::object();
  std::vector<report::Scalar> scalars;
  for (const auto& [name, score] : scores) {
    line["evaluation"][name] = score;
    scalars.push_back({"evaluation/" + name, score});
  }
  metrics_.append(line);
  events_.add(place.step, scalars);
}

void RunLog::add_speed(const StepPlace& place, const StepMetrics& metrics, const Speed& speed) {
  Json line = line_of(place);
  line["seconds_per_step"] = speed.seconds_per_step;
  line["tokens_per_second"] = speed.tokens_per_second;
  line["pictures_per_second"] = speed.pictures_per_second;
  line["examples_per_second"] = speed.examples_per_second;
  line["data_wait"] = speed.data_wait;
  std::vector<report::Scalar> scalars = {{"loss/total", metrics.loss},
                                         {"loss/cross_entropy", metrics.cross_entropy},
                                         {"loss/z_loss", metrics.z_loss},
                                         {"accuracy", metrics.accuracy},
                                         {"speed/tokens_per_second", speed.tokens_per_second},
                                         {"speed/pictures_per_second", speed.pictures_per_second},
                                         {"speed/data_wait", speed.data_wait}};
  if (metrics.router_balance_loss) scalars.push_back({"loss/router_balance", *metrics.router_balance_loss});
  if (metrics.router_z_loss) scalars.push_back({"loss/router_z", *metrics.router_z_loss});
  if (speed.utilization) {
    line["utilization"] = *speed.utilization;
    scalars.push_back({"speed/utilization", *speed.utilization});
  }
  for (size_t i = 0; i < kComponents.size(); ++i) {
    scalars.push_back({fmt::format("learning_rate/{}", kComponents[i]), metrics.learning_rates[i]});
    scalars.push_back({fmt::format("grad_norm/{}", kComponents[i]), metrics.grad_norms[i]});
  }
  speed_.append(line);
  events_.add(place.step, scalars);
}

Json RunLog::lengths() const {
  return {{kMetricsName, metrics_.num_bytes()},
          {kSpeedName, speed_.num_bytes()},
          {kBadSamplesName, bad_samples_.num_bytes()}};
}

void RunLog::sync() {
  metrics_.sync();
  speed_.sync();
  bad_samples_.sync();
}

}  // namespace molmo::train
