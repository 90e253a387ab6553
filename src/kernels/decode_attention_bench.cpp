// One new token over a cache, in turn with libtorch's batched products and softmax on a float32 cache, and with reading
// as many bytes: all layers of a model, so that no cache of the CPU holds them.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/bench_measures.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kLayers = 28;

struct CacheShape {
  int64_t heads, key_heads, width;
};
constexpr CacheShape kQwen2Of7b{28, 4, 128}, kOlmoe{16, 16, 128};

void decode_attention_bench(benchmark::State& state, const CacheShape& shape, at::ScalarType type) {
  using Signature = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&);
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("molmo::decode_attention", "").typed<Signature>();
  const c10::InferenceMode no_gradients;
  const auto threads = static_cast<int>(state.range(0));
  const int64_t keys = state.range(1);
  at::set_num_threads(threads);
  const Tensor q = at::randn({1, shape.heads, 1, shape.width});
  const Tensor cache = at::randn({2 * kLayers, 1, shape.key_heads, keys, shape.width}).to(type);
  const double bytes = static_cast<double>(cache.nbytes());
  std::vector<double> ours, libtorch, reading;
  const auto over_layers = [&](const auto& attend) {
    for (int64_t layer = 0; layer < kLayers; ++layer) attend(cache[2 * layer], cache[2 * layer + 1]);
  };
  for (auto _ : state) {
    ours.push_back(
        seconds_of([&] { over_layers([&](const Tensor& k, const Tensor& v) { op.call(q, k, v, std::nullopt); }); }));
    state.SetIterationTime(ours.back());
    reading.push_back(read_seconds(cache.const_data_ptr(), cache.nbytes(), 16));
    if (type != at::kFloat) continue;
    libtorch.push_back(seconds_of([&] {
      over_layers([&](const Tensor& k, const Tensor& v) {
        const Tensor rows = q.view({1, shape.key_heads, shape.heads / shape.key_heads, shape.width});
        at::matmul(at::softmax(at::matmul(rows * (1 / std::sqrt(128.0)), k.transpose(2, 3)), -1), v);
      });
    }));
  }
  const double time = median(ours);
  state.counters["ms"] = time * 1e3;
  state.counters["GB/s"] = bytes / 1e9 / time;
  state.counters["of_reading"] = median(reading) / time;
  if (!libtorch.empty()) state.counters["libtorch_ms"] = median(libtorch) * 1e3;
}

void on_contexts(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"threads", "keys"})
      ->ArgsProduct({{1, 2}, {1216, 4096}})
      ->UseManualTime()
      ->Iterations(9)
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(decode_attention_bench, qwen2_7b_f32, kQwen2Of7b, at::kFloat)->Apply(on_contexts);
BENCHMARK_CAPTURE(decode_attention_bench, qwen2_7b_f16, kQwen2Of7b, at::kHalf)->Apply(on_contexts);
BENCHMARK_CAPTURE(decode_attention_bench, qwen2_7b_bf16, kQwen2Of7b, at::kBFloat16)->Apply(on_contexts);
BENCHMARK_CAPTURE(decode_attention_bench, olmoe_f32, kOlmoe, at::kFloat)->Apply(on_contexts);
BENCHMARK_CAPTURE(decode_attention_bench, olmoe_f16, kOlmoe, at::kHalf)->Apply(on_contexts);

}  // namespace
}  // namespace molmo::kernels
