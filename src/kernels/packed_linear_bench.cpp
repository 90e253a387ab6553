// packed_linear on the shapes of a 7B decoder, of ViT-L and of an expert. Each figure stands beside its limit, measured
// in turn with it, so that load of others on the machine meets both: few tokens against reading the same bytes, many
// tokens against the peak of the 8-bit dot instruction.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/bench_measures.h"
#include "kernels/machine_limits.h"
#include "kernels/packed_weight.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

Tensor packed_linear(const Tensor& x, const Tensor& weight, int64_t out_features) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("molmo::packed_linear", "")
                             .typed<Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, int64_t)>();
  return op.call(x, weight, std::nullopt, out_features);
}

// Enough matrices that none is in a cache when its turn comes, as in a model with many layers.
std::vector<Tensor> packed_weights_beyond_caches(const PackedShape& shape) {
  std::vector<Tensor> weights;
  for (int64_t total = 0; total < (int64_t{256} << 20) || weights.size() < 2; total += shape.num_bytes()) {
    Tensor weight = at::randint(1, 256, {shape.num_panels(), shape.panel_bytes()}, at::kByte);
    const std::vector<float> row_scales(kPanelRows, 1e-3f);
    for (int64_t panel = 0; panel < shape.num_panels(); ++panel)
      std::memcpy(weight.mutable_data_ptr<uint8_t>() + panel * shape.panel_bytes(), row_scales.data(), 64);
    weights.push_back(weight);
  }
  return weights;
}

// Operations a second of the dot instruction on all threads.
double int8_peak() {
  constexpr int64_t kRounds = 100000;
  const int num_threads = at::get_num_threads();
  int64_t operations = 0;
  const double seconds = seconds_of([&] {
    at::parallel_for(0, num_threads, 1, [&](int64_t, int64_t) {
      const int64_t done = best_int8_dot()(kRounds);
      __atomic_fetch_add(&operations, done, __ATOMIC_RELAXED);
    });
  });
  return static_cast<double>(operations) / seconds;
}

void packed(benchmark::State& state, PackedType type) {
  const at::NoGradGuard no_grad;
  const int64_t tokens = state.range(0), in_features = state.range(1), out_features = state.range(2);
  const PackedShape shape{type, out_features, in_features};
  const auto weights = packed_weights_beyond_caches(shape);
  const Tensor x = at::randn({tokens, in_features});
  std::vector<double> kernel, read, peak;
  size_t turn = 0;
  const auto next = [&]() -> const Tensor& { return weights[turn++ % weights.size()]; };
  const auto read_next = [&](int num_streams) {
    const Tensor& weight = next();
    return read_seconds(weight.const_data_ptr(), weight.nbytes(), num_streams);
  };
  for (auto _ : state) {
    const double four_streams = read_next(4);
    read.push_back(std::min(four_streams, read_next(16)));
    if (best_int8_dot()) peak.push_back(int8_peak());
    const Tensor& weight = next();
    kernel.push_back(seconds_of([&] { benchmark::DoNotOptimize(packed_linear(x, weight, out_features)); }));
    state.SetIterationTime(kernel.back());
  }
  const double seconds = median(kernel);
  const double operations = 2.0 * static_cast<double>(tokens * in_features * out_features);
  state.counters["GB/s"] = static_cast<double>(shape.num_bytes()) / 1e9 / seconds;
  state.counters["of_read"] = median(read) / seconds;
  state.counters["GOP/s"] = operations / 1e9 / seconds;
  if (!peak.empty()) state.counters["of_int8_peak"] = operations / seconds / median(peak);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"T", "I", "O"})->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(9);
  benchmark->Args({1, 3584, 37888})->Args({1, 18944, 3584})->Args({1, 3584, 4608});  // Qwen2-7B
  benchmark->Args({4, 3584, 37888})->Args({8, 3584, 37888})->Args({16, 3584, 37888});
  benchmark->Args({512, 3584, 37888})->Args({1216, 3584, 4608})->Args({1216, 18944, 3584});
  benchmark->Args({577, 1024, 4096})->Args({577, 4096, 1024});  // ViT-L/14-336, a crop
  benchmark->Args({1, 2048, 1024})->Args({150, 2048, 1024});    // an expert of OLMoE
}

BENCHMARK_CAPTURE(packed, q4, PackedType::Q4)->Apply(shapes);
BENCHMARK_CAPTURE(packed, q8, PackedType::Q8)->Apply(shapes);

}  // namespace
}  // namespace molmo::kernels
