// The machine's own limits: memory read, float32 multiply-add and int8 dot products, on one thread and on all.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/threads.h"
#include "kernels/machine_limits.h"

namespace molmo::bench {
namespace {

constexpr size_t kBufferBytes = size_t{512} << 20;  // far beyond the last cache

void memory_read(benchmark::State& state) {
  static const std::unique_ptr<char[]> buffer = [] {
    auto bytes = std::make_unique_for_overwrite<char[]>(kBufferBytes);
    std::memset(bytes.get(), 1, kBufferBytes);
    return bytes;
  }();
  if (!kernels::best_read_streams()) return state.SkipWithError("no loop for this CPU");
  const int num_parts = static_cast<int>(state.range(0)), num_streams = static_cast<int>(state.range(1));
  double best = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(num_parts, /*grain=*/1, [&](int64_t begin, int64_t) {
      kernels::read_part(buffer.get(), kBufferBytes, static_cast<int>(begin), num_parts, num_streams);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(seconds.count());
    best = std::max(best, kBufferBytes / 1e9 / seconds.count());
  }
  state.counters["GB/s"] = benchmark::Counter(kBufferBytes / 1e9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["best_GB/s"] = best;
}

void register_loop(benchmark::State& state, kernels::RegisterLoop loop) {
  if (!loop) return state.SkipWithError("no loop for this CPU");
  double operations = 0;
  for (auto _ : state) operations += static_cast<double>(loop(100000));
  state.counters["GOP/s"] = benchmark::Counter(operations / 1e9, benchmark::Counter::kIsRate);
}

void float_fma(benchmark::State& state) {
  register_loop(state, kernels::best_float_fma());
}
void int8_dot(benchmark::State& state) {
  register_loop(state, kernels::best_int8_dot());
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
