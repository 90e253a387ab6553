// How many pictures of each kind are drawn, and drawn and encoded, in a second. docs/performance.md has the figures.
#include <benchmark/benchmark.h>

#include <string>

#include "base/threads.h"
#include "image/encode.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

// Pictures as a data set that is drawn while training passes them: no encoding, one thread.
void BM_Draw(benchmark::State& state, const char* kind, Difficulty difficulty) {
  SynthOptions options;
  options.size = state.range(0);
  options.difficulty = difficulty;
  const GeneratorEntry& generator = find_generator(kind);
  for (uint64_t i = 0; i < 20; ++i) make_sample(generator, options, i);  // reads fonts and emoji
  uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(make_sample(generator, options, index++));
  state.SetItemsProcessed(state.iterations());
}

// As `molmo synth` writes them: two threads, JPEG of quality 90.
void BM_DrawAndEncode(benchmark::State& state, const char* kind, Difficulty difficulty) {
  set_num_threads(2);
  SynthOptions options;
  options.size = state.range(0);
  options.difficulty = difficulty;
  const GeneratorEntry& generator = find_generator(kind);
  constexpr int64_t kBatch = 64;
  int64_t first = 0;
  for (auto _ : state) {
    parallel_for(kBatch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const SynthSample sample = make_sample(generator, options, static_cast<uint64_t>(first + i));
        benchmark::DoNotOptimize(image::encode_jpeg(sample.picture, 90));
      }
    });
    first += kBatch;
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
  set_num_threads(1);
}

#define MOLMO_BENCH_KIND(kind)                                                                                         \
  BENCHMARK_CAPTURE(BM_Draw, kind##_easy, #kind, Difficulty::Easy)->Arg(128)->Arg(224)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(BM_Draw, kind##_hard, #kind, Difficulty::Hard)->Arg(224)->Arg(448)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(BM_DrawAndEncode, kind, #kind, Difficulty::Hard)                                                   \
      ->Arg(448)                                                                                                       \
      ->Unit(benchmark::kMillisecond)                                                                                  \
      ->MeasureProcessCPUTime()                                                                                        \
      ->UseRealTime()

MOLMO_BENCH_KIND(points);
MOLMO_BENCH_KIND(clocks);
MOLMO_BENCH_KIND(docs);

}  // namespace
}  // namespace molmo::synth
