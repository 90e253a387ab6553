#include "train/run_report.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/line_log.h"
#include "report/page.h"
#include "report/plot.h"
#include "train/run_log.h"
#include "train/settings.h"

namespace molmo::train {
namespace {

namespace fs = std::filesystem;
using report::Series;

// Curves by name, in the order in which they first appear.
class Curves {
 public:
  void add(const std::string& name, double x, double y) {
    const auto [found, is_new] = index_.emplace(name, series_.size());
    if (is_new) series_.push_back({.name = name, .x = {}, .y = {}});
    series_[found->second].x.push_back(x);
    series_[found->second].y.push_back(y);
  }
  bool is_empty() const { return series_.empty(); }
  const std::vector<Series>& series() const { return series_; }

 private:
  std::map<std::string, size_t> index_;
  std::vector<Series> series_;
};

struct Everything {
  Curves loss, extra_losses, accuracy, learning_rate, grad_norm, tokens, waiting;
  std::map<std::string, Curves> validation, evaluation;
  int64_t num_skipped = 0, num_steps = 0;
  std::map<std::string, int64_t> bad_samples;  // by data set
  Json last = nullptr;                         // step
};

double number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : std::nan("");
}

void add_step(const Json& line, double step, Everything& all) {
  all.loss.add(line.value("stage", ""), step, number(line, "cross_entropy"));
  for (const char* name : {"z_loss", "router_balance_loss", "router_z_loss"}) {
    if (line.contains(name)) all.extra_losses.add(name, step, number(line, name));
  }
  all.accuracy.add(line.value("stage", ""), step, number(line, "accuracy"));
  for (const char* name : component_names()) {
    const double rate = number(line["learning_rate"], name);
    if (rate == 0) continue;  // frozen
    all.learning_rate.add(name, step, rate);
    all.grad_norm.add(name, step, number(line["grad_norm"], name));
  }
  all.num_skipped += line.contains("skipped");
  ++all.num_steps;
  all.last = line;
}

void add_line(const Json& line, Everything& all) {
  const double step = number(line, "step");
  if (line.contains("loss")) add_step(line, step, all);
  if (line.contains("validation")) {
    for (const auto& [set, loss] : line["validation"].items()) {
      Curves& curves = all.validation[set];
      curves.add("with its own picture", step, number(loss, "cross_entropy"));
      if (loss.contains("shuffled_cross_entropy"))
        curves.add("with another picture", step, number(loss, "shuffled_cross_entropy"));
    }
  }
  if (line.contains("evaluation")) {
    for (const auto& [name, score] : line["evaluation"].items()) {
      // Scores of one benchmark, "benchmark/score", share a plot.
      all.evaluation[name.substr(0, name.find('/'))].add(name, step, score.is_number() ? score.get<double>() : 0);
    }
  }
}

Everything read_everything(const fs::path& folder) {
  Everything all;
  read_lines(folder / kMetricsName, [&](const Json& line) { add_line(line, all); });
  read_lines(folder / kSpeedName, [&](const Json& line) {
    const double step = number(line, "step");
    all.tokens.add("tokens", step, number(line, "tokens_per_second"));
    all.waiting.add("waiting for data", step, number(line, "data_wait"));
    if (line.contains("utilization")) all.waiting.add("of the peak", step, number(line, "utilization"));
  });
  read_lines(folder / kBadSamplesName, [&](const Json& line) { ++all.bad_samples[line.value("source", "")]; });
  return all;
}

void add_plot(report::Page& page, const Curves& curves, const char* y_label, const std::string& caption,
              bool is_logarithmic = false) {
  if (curves.is_empty()) return;
  page.figure(report::line_plot(
                  {.x_label = "step", .y_label = y_label, .series = curves.series(), .is_logarithmic = is_logarithmic}),
              caption);
}

std::vector<report::Html> row(const std::string& name, const std::string& value) {
  return {report::text(name), report::text(value)};
}

void add_summary(report::Page& page, const config::TrainingConfig& config, const Everything& all) {
  std::vector<std::vector<report::Html>> rows;
  rows.push_back(row("model", config.init.model));
  int64_t num_steps = 0;
  for (const config::StageConfig& stage : config.stages) {
    num_steps += stage.steps;
    rows.push_back(row("stage " + stage.name, fmt::format("{}, {} steps of {} examples", enum_name(stage.objective),
                                                          stage.steps, stage.global_batch)));
  }
  rows.push_back(row("steps done", fmt::format("{} of {}", all.num_steps, num_steps)));
  if (!all.last.is_null()) {
    rows.push_back(row("last cross-entropy", fmt::format("{:.4g}", number(all.last, "cross_entropy"))));
    rows.push_back(row("last accuracy", fmt::format("{:.4g}", number(all.last, "accuracy"))));
  }
  rows.push_back(row("skipped steps", fmt::format("{}", all.num_skipped)));
  for (const auto& [source, count] : all.bad_samples)
    rows.push_back(row("samples of " + source + " that were left out", fmt::format("{}", count)));
  page.table({"", ""}, rows);
}

}  // namespace

void write_run_report(const config::TrainingConfig& config, const fs::path& folder) {
  const Everything all = read_everything(folder);
  report::Page page("Training in " + folder.string());
  add_summary(page, config, all);
  page.heading("Loss");
  add_plot(page, all.loss, "cross-entropy", "Cross-entropy of each step, per unit of loss weight.");
  for (const auto& [set, curves] : all.validation) {
    add_plot(page, curves, "cross-entropy",
             "Cross-entropy over the validation set " + set +
                 ". A model that looks does worse when it is shown the picture of another example.");
  }
  add_plot(page, all.accuracy, "accuracy", "Share of targets that were the likeliest token or class.");
  add_plot(page, all.extra_losses, "loss", "Further terms of the loss, with their weights.");
  if (!all.evaluation.empty()) page.heading("Evaluation");
  for (const auto& [name, curves] : all.evaluation) add_plot(page, curves, "score", name);
  page.heading("Optimisation");
  add_plot(page, all.learning_rate, "learning rate", "Learning rates.", /*is_logarithmic=*/true);
  add_plot(page, all.grad_norm, "norm", "Norms of the gradients before clipping.", /*is_logarithmic=*/true);
  page.heading("Speed");
  add_plot(page, all.tokens, "tokens/s", "Tokens per second, padding left out.");
  add_plot(page, all.waiting, "share",
           "Share of the time that was spent waiting for data, and of the machine's peak that was used.");
  page.heading("Configuration");
  std::vector<std::vector<report::Html>> settings;
  for (const auto& [name, value] : list_settings(config)) settings.push_back(row(name, value));
  page.table({"setting", "value"}, settings);
  page.write(folder / "report.html");
}

}  // namespace molmo::train
