// The machine's own limits: memory read, float32 multiply-add and int8 dot products, on one thread and on all.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/threads.h"
#include "machine_limits.h"

namespace molmo::bench {
namespace {

constexpr size_t kBufferBytes = size_t{512} << 20;  // far beyond the last cache

void memory_read(benchmark::State& state) {
  static const std::unique_ptr<char[]> buffer = [] {
    auto bytes = std::make_unique_for_overwrite<char[]>(kBufferBytes);
    std::memset(bytes.get(), 1, kBufferBytes);
    return bytes;
  }();
  if (!best_read_streams()) return state.SkipWithError("no loop for this CPU");
  const int num_threads = static_cast<int>(state.range(0)), num_streams = static_cast<int>(state.range(1));
  double best = 0;
  for (auto _ : state) {
    const double rate = read_bandwidth(buffer.get(), kBufferBytes, num_threads, num_streams);
    state.SetIterationTime(kBufferBytes / 1e9 / rate);
    best = std::max(best, rate);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kBufferBytes));
  state.counters["best_GB/s"] = best;
}

void register_loop(benchmark::State& state, RegisterLoop loop) {
  if (!loop) return state.SkipWithError("no loop for this CPU");
  double operations = 0;
  for (auto _ : state) operations += static_cast<double>(loop(100000));
  state.counters["GOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsRate);
}

void float_fma(benchmark::State& state) {
  register_loop(state, best_float_fma());
}
void int8_dot(benchmark::State& state) {
  register_loop(state, best_int8_dot());
}

const int kAllThreads = num_threads();

BENCHMARK(memory_read)
    ->ArgNames({"threads", "streams"})
    ->ArgsProduct({{1, kAllThreads}, {1, 4, 16}})
    ->UseManualTime()
    ->Iterations(12)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(float_fma)->Threads(1)->Threads(kAllThreads)->UseRealTime();
BENCHMARK(int8_dot)->Threads(1)->Threads(kAllThreads)->UseRealTime();

}  // namespace
}  // namespace molmo::bench
