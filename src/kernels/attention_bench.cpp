// A forward and backward pass of attention on shapes of training a small model, and forward passes of a 7B model,
// beside libtorch's own, measured in turn with it. "packed": 36 image tokens that all see, and 10 annotations of 36
// tokens, each of which sees the image and itself.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/timing.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

struct Shape {
  int64_t batch, heads, key_heads, tokens, width;
  bool is_packed, is_causal, has_gradient;
};

Tensor packed_bias(int64_t batch, int64_t tokens) {
  const Tensor position = at::arange(tokens), part = position.div(36, "floor");
  const Tensor seen = position.unsqueeze(1)
                          .ge(position.unsqueeze(0))
                          .logical_and(part.unsqueeze(0).eq(0).logical_or(part.unsqueeze(1).eq(part.unsqueeze(0))));
  return at::zeros({tokens, tokens})
      .masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity())
      .expand({batch, 1, tokens, tokens})
      .contiguous();
}

template <class Attend>
double seconds_of(const Shape& shape, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                  const Attend& attend) {
  return molmo::seconds_of([&] {
    const Tensor y = attend(q, k, v).transpose(1, 2).reshape({shape.batch, shape.tokens, shape.heads * shape.width});
    if (shape.has_gradient) y.backward(dy);
  });
}

void attention(benchmark::State& state, const Shape& shape, at::ScalarType type) {
  using Signature = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&, bool);
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("molmo::attention", "").typed<Signature>();
  at::set_num_threads(static_cast<int>(state.range(0)));
  const at::AutoGradMode grad_mode(shape.has_gradient);
  const auto heads = [&](int64_t count) {
    Tensor x = at::randn({shape.batch, shape.tokens, count, shape.width}).to(type).transpose(1, 2);
    return shape.has_gradient ? x.set_requires_grad(true) : x;
  };
  const Tensor q = heads(shape.heads), k = heads(shape.key_heads), v = heads(shape.key_heads);
  const Tensor dy = at::randn({shape.batch, shape.tokens, shape.heads * shape.width}).to(type);
  const auto bias = shape.is_packed ? std::optional(packed_bias(shape.batch, shape.tokens)) : std::nullopt;
  double best = 1e9, best_of_libtorch = 1e9;
  for (auto _ : state) {
    const double seconds = seconds_of(shape, q, k, v, dy, [&](const Tensor& a, const Tensor& b, const Tensor& c) {
      return op.call(a, b, c, bias, shape.is_causal);
    });
    best = std::min(best, seconds);
    best_of_libtorch = std::min(best_of_libtorch,
                                seconds_of(shape, q, k, v, dy, [&](const Tensor& a, const Tensor& b, const Tensor& c) {
                                  const auto mask = bias ? std::optional(bias->to(type)) : std::nullopt;
                                  return at::scaled_dot_product_attention(a, b, c, mask, 0, shape.is_causal,
                                                                          std::nullopt, shape.heads != shape.key_heads);
                                }));
    state.SetIterationTime(seconds);
  }
  state.counters["best_ms"] = best * 1e3;
  state.counters["libtorch_ms"] = best_of_libtorch * 1e3;
  state.counters["ratio"] = best_of_libtorch / best;
}

constexpr Shape kVision145{32, 6, 6, 145, 32, false, false, true};
constexpr Shape kVision257{32, 6, 6, 257, 32, false, false, true};
constexpr Shape kPacked{16, 8, 8, 396, 32, true, false, true};
constexpr Shape kTower7b{4, 16, 16, 577, 64, false, false, false};
constexpr Shape kPrefill7b{1, 28, 4, 1216, 128, false, true, false};

void on_threads(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("threads")->Arg(1)->Arg(2)->UseManualTime()->Iterations(10)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(attention, vision_145_f32, kVision145, at::kFloat)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, vision_145_bf16, kVision145, at::kBFloat16)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, vision_257_f32, kVision257, at::kFloat)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, vision_257_bf16, kVision257, at::kBFloat16)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, packed_f32, kPacked, at::kFloat)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, packed_bf16, kPacked, at::kBFloat16)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, tower_7b_f32, kTower7b, at::kFloat)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, tower_7b_bf16, kTower7b, at::kBFloat16)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, prefill_7b_f32, kPrefill7b, at::kFloat)->Apply(on_threads);
BENCHMARK_CAPTURE(attention, prefill_7b_bf16, kPrefill7b, at::kBFloat16)->Apply(on_threads);

}  // namespace
}  // namespace molmo::kernels
