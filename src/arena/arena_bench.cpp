// Reading and rating as many comparisons as the paper collected: 325,000 of 27 models by 870 people about 15,000
// prompts.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "arena/bradley_terry.h"
#include "arena/ratings.h"
#include "arena/read_comparisons.h"
#include "arena/standings.h"
#include "arena/style.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "base/threads.h"

namespace molmo::arena {
namespace {

constexpr int kComparisons = 325'000, kModels = 27, kPrompts = 14'851, kAnnotators = 870;

struct PaperSizedFile {
  PaperSizedFile() {
    RandomStream random(1, "arena_bench");
    std::vector<double> strengths;
    for (int i = 0; i < kModels; ++i) strengths.push_back(0.4 * random.normal());
    std::string rows = "comparison_id,prompt_id,left_model,right_model,outcome,annotator_id,left_length,right_length\n";
    for (int i = 0; i < kComparisons; ++i) {
      const uint64_t left = random.below(kModels), right = (left + 1 + random.below(kModels - 1)) % kModels;
      const double u = random.uniform();
      const bool wins = random.uniform() < win_probability(strengths[left] - strengths[right]);
      const char* outcome = u < 0.03   ? "unsure"
                            : u < 0.13 ? "both_good"
                            : u < 0.17 ? "both_bad"
                            : wins     ? "left"
                                       : "right";
      rows += fmt::format("c{:06},img{:05},model-{:02},model-{:02},{},{},{},{}\n", i, random.below(kPrompts), left,
                          right, outcome, random.below(kAnnotators), 20 + random.below(400), 20 + random.below(400));
    }
    path = folder.path() / "comparisons.csv";
    std::ofstream(path, std::ios::binary) << rows;
  }
  TemporaryFolder folder;
  std::filesystem::path path;
};

const std::filesystem::path& paper_sized_file() {
  static const PaperSizedFile kFile;
  return kFile.path;
}
const Comparisons& paper_sized() {
  static const Comparisons kComparisonsRead = read_comparisons(paper_sized_file());
  return kComparisonsRead;
}

void read_csv(benchmark::State& state) {
  const auto& path = paper_sized_file();
  for (auto _ : state) benchmark::DoNotOptimize(read_comparisons(path));
}

// What `arena fit --rounds 0` does after the program has started.
void read_and_fit(benchmark::State& state) {
  const auto& path = paper_sized_file();
  for (auto _ : state) benchmark::DoNotOptimize(compute_standings(read_comparisons(path), {.num_rounds = 0}));
}

void fit(benchmark::State& state) {
  const Scores scores(count_wins(paper_sized()));
  for (auto _ : state) benchmark::DoNotOptimize(fit_bradley_terry(scores));
}

void elo(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(online_elo(paper_sized()));
}

void bootstrap(benchmark::State& state) {
  set_num_threads(static_cast<int>(state.range(0)));
  const Comparisons& comparisons = paper_sized();
  for (auto _ : state) benchmark::DoNotOptimize(bootstrap_intervals(comparisons, {.num_rounds = 1000}));
}

void style(benchmark::State& state) {
  const Covariate covariates[] = {Covariate::Length};
  for (auto _ : state) benchmark::DoNotOptimize(fit_with_style(paper_sized(), covariates));
}

BENCHMARK(read_csv)->Unit(benchmark::kMillisecond);
BENCHMARK(read_and_fit)->Unit(benchmark::kMillisecond);
BENCHMARK(fit)->Unit(benchmark::kMillisecond);
BENCHMARK(elo)->Unit(benchmark::kMillisecond);
BENCHMARK(bootstrap)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(style)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace molmo::arena
