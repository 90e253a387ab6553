#include "eval/benchmark.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "config/training.h"
#include "data/registry.h"
#include "eval/synth_sets.h"
#include "synth/synth_dataset.h"

namespace molmo::eval {

std::span<const Benchmark> benchmarks() {
  static const std::vector<Benchmark> kBenchmarks = {
      {"synth-points",
       "point to 1 to 6 things in drawn scenes, or say that there are none",
       "synth:points",
       "test",
       {"labels=objects", "questions=1"},
       320,
       std::nullopt,
       ask_points,
       score_points,
       "f1"},
      {"synth-count",
       "count 0 to 10 things in drawn scenes",
       "synth:count",
       "test",
       {"max_objects=10"},
       320,
       std::nullopt,
       ask_count,
       score_count,
       "correct",
       {{"per_count", "correct", "count"}}},
      {"synth-clocks",
       "read drawn clocks and watches",
       "synth:clocks",
       "test",
       {},
       48,
       std::nullopt,
       ask_clock,
       score_clock_reading,
       "within_5_minutes"},
      {"synth-cap",
       "describe drawn scenes: things and colours named, against the truth",
       "synth:cap",
       "test",
       {"transcripts=0"},
       448,
       std::nullopt,
       ask_caption,
       score_scene_caption,
       "recall"},
      {"synth-docs",
       "questions about drawn charts, tables, documents and diagrams",
       "synth:docs",
       "test",
       {"questions=1"},
       48,
       std::nullopt,
       ask_docs,
       score_docs,
       "relaxed"},
  };
  return kBenchmarks;
}

const Benchmark& find_benchmark(std::string_view name) {
  const auto all = benchmarks();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Benchmark& entry) { return entry.name == name; });
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  std::string list;
  for (const Benchmark& entry : all) {
    names.emplace_back(entry.name);
    list += (list.empty() ? "" : ", ") + names.back();
  }
  fail(ErrorCategory::InvalidArgument, "'{}' is not a benchmark, expected one of: {}.{}", name, list,
       did_you_mean(name, names));
}

bool is_drawn(const Benchmark& benchmark) {
  return synth::is_synth_dataset(benchmark.dataset);
}

std::shared_ptr<const data::Dataset> open_benchmark(const Benchmark& benchmark, const BenchmarkData& data) {
  std::vector<std::string> options = benchmark.options;
  options.insert(options.end(), data.options.begin(), data.options.end());
  if (!is_drawn(benchmark)) {
    return data::open_dataset({.name = std::string(benchmark.dataset),
                               .path = data.path,
                               .split = std::string(benchmark.split),
                               .options = std::move(options),
                               .quirks = config::Quirks::Fixed});
  }
  config::DataSource source;
  source.name = benchmark.dataset;
  source.path = data.path.string();
  source.split = benchmark.split;
  source.options = std::move(options);
  return synth::open_synth_dataset(source);
}

}  // namespace molmo::eval
