// The benchmarks by name: what is asked about which data, and how answers are scored.
//   const Benchmark& benchmark = find_benchmark("synth-points");
//   auto dataset = open_benchmark(benchmark, {.options = {"size=192"}});
//   for (const Question& question : benchmark.ask(example)) ... benchmark.score(*question.reference, answer, quirks);
// Adding one is a file with its two functions (or those of one that is alike), a line in benchmark.cpp and a test.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "config/quirks.h"
#include "data/dataset.h"
#include "eval/scores.h"

namespace molmo::eval {

// One question about the pictures of an example.
struct Question {
  std::string id;                         // unique within the benchmark
  text::Annotation annotation;            // what is asked; its style decides about tag and templates
  std::shared_ptr<const Json> reference;  // what the scoring needs, the input fields of the metric's fixture
};

struct Benchmark {
  std::string_view name, summary;
  std::string_view dataset;  // "synth:points", or a set of data/registry.h
  std::string_view split;
  std::vector<std::string> options;  // of the data set, before those of the caller
  int64_t max_new_tokens;
  std::optional<int64_t> max_crops;  // empty: as the model is configured
  std::vector<Question> (*ask)(const data::Example& example);
  ItemScores (*score)(const Json& reference, std::string_view answer, config::Quirks quirks);
  std::string_view main_score;  // the one of the overview
  std::vector<BalancedScore> balanced = {};
  // Of sets whose test answers only a server has: what its file calls the number of a question (eval/submission.h).
  std::string_view submission_id = {};
  bool is_judged = false;  // scored by a judge of captions (eval/caption_judge.h); `score` is the built-in one
};

std::span<const Benchmark> benchmarks();
// Throws InvalidArgument naming the nearest name.
const Benchmark& find_benchmark(std::string_view name);

bool is_drawn(const Benchmark& benchmark);  // its data always comes from our generators

struct BenchmarkData {
  std::filesystem::path path = {};        // of the published files; none for data that is drawn
  std::vector<std::string> options = {};  // "key=value"; those of the benchmark come first, so these win
  bool is_drawn = false;                  // published benchmarks about drawn pictures (eval/counterparts.h)
  std::string split = {};                 // instead of the benchmark's
};
std::string split_of(const Benchmark& benchmark, const BenchmarkData& data);
// Throws what opening the data set throws.
std::shared_ptr<const data::Dataset> open_benchmark(const Benchmark& benchmark, const BenchmarkData& data);

}  // namespace molmo::eval
