// dense_linear on the shapes of a 7B decoder and of ViT-L. Each figure stands beside its limit, measured in turn with
// it, so that load of others on the machine meets both: few tokens against reading the same bytes, many tokens against
// libtorch's float32 product.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "kernels/bench_measures.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

Tensor dense_linear(const Tensor& x, const Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("molmo::dense_linear", "")
                             .typed<Tensor(const Tensor&, const Tensor&)>();
  return op.call(x, weight);
}

double best(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

// Enough matrices that none is in a cache when its turn comes, as in a model with many layers.
std::vector<Tensor> weights_beyond_caches(int64_t rows, int64_t columns, at::ScalarType type) {
  const int64_t bytes = rows * columns * 2;
  std::vector<Tensor> weights;
  for (int64_t total = 0; total < (int64_t{256} << 20) || weights.size() < 2; total += bytes) {
    weights.push_back(at::randn({rows, columns}).to(type));
  }
  return weights;
}

void few_tokens(benchmark::State& state, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const int64_t tokens = state.range(0), in_features = state.range(1), out_features = state.range(2);
  const auto weights = weights_beyond_caches(out_features, in_features, type);
  const Tensor x = at::randn({tokens, in_features});
  const double bytes = static_cast<double>(weights[0].nbytes());
  std::vector<double> kernel, read;
  size_t turn = 0;
  const auto next = [&]() -> const Tensor& { return weights[turn++ % weights.size()]; };
  const auto read_next = [&](int num_streams) {
    const Tensor& weight = next();
    return read_seconds(weight.const_data_ptr(), weight.nbytes(), num_streams);
  };
  for (auto _ : state) {
    const double four_streams = read_next(4);
    read.push_back(std::min(four_streams, read_next(16)));
    const Tensor& weight = next();
    kernel.push_back(seconds_of([&] { benchmark::DoNotOptimize(dense_linear(x, weight)); }));
    state.SetIterationTime(kernel.back());
  }
  state.counters["GB/s"] = bytes / 1e9 / median(kernel);
  state.counters["best_GB/s"] = bytes / 1e9 / best(kernel);
  state.counters["of_read"] = median(read) / median(kernel);
  state.counters["best_of_read"] = best(read) / best(kernel);
}

void many_tokens(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  const int64_t tokens = state.range(0), in_features = state.range(1), out_features = state.range(2);
  const Tensor x = at::randn({tokens, in_features}), weight = at::randn({out_features, in_features});
  const Tensor half_weight = weight.to(at::kBFloat16), half_x = x.to(at::kBFloat16);
  const double operations = 2e-9 * static_cast<double>(tokens * in_features * out_features);
  std::vector<double> kernel, libtorch, rounded;
  for (auto _ : state) {
    libtorch.push_back(seconds_of([&] { benchmark::DoNotOptimize(at::linear(x, weight)); }));
    rounded.push_back(seconds_of([&] { benchmark::DoNotOptimize(at::linear(half_x, half_weight)); }));
    kernel.push_back(seconds_of([&] { benchmark::DoNotOptimize(dense_linear(x, half_weight)); }));
    state.SetIterationTime(kernel.back());
  }
  state.counters["GFLOP/s"] = operations / median(kernel);
  state.counters["best_GFLOP/s"] = operations / best(kernel);
  state.counters["libtorch_f32"] = operations / median(libtorch);
  state.counters["best_f32"] = operations / best(libtorch);
  state.counters["best_bf16"] =
      operations / best(rounded);  // activations rounded to bfloat16: what float32 activations cost
}

void decoder_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"tokens", "in", "out"})->UseManualTime()->Iterations(15)->Unit(benchmark::kMillisecond);
  for (const int64_t tokens : {1, 2, 4}) {
    for (const auto& [in, out] : {std::pair{3584, 3584}, {3584, 18944}, {18944, 3584}})
      benchmark->Args({tokens, in, out});
  }
}

void prefill_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"tokens", "in", "out"})->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);
  for (const int64_t tokens : {8, 16, 32, 64}) benchmark->Args({tokens, 3584, 18944});
  benchmark->Args({1216, 3584, 3584})
      ->Args({1216, 3584, 18944})
      ->Args({1216, 18944, 3584})
      ->Args({577, 1024, 4096})
      ->Args({7501, 1024, 1024})
      ->Args({7501, 4096, 1024});
}

BENCHMARK_CAPTURE(few_tokens, bf16, at::kBFloat16)->Apply(decoder_shapes);
BENCHMARK_CAPTURE(few_tokens, f16, at::kHalf)
    ->ArgNames({"tokens", "in", "out"})
    ->Args({1, 3584, 18944})
    ->UseManualTime()
    ->Iterations(15)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(many_tokens)->Apply(prefill_shapes);

}  // namespace
}  // namespace molmo::kernels
