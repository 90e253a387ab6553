#include "checkpoint/random_fill.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/threads.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {
namespace {

// Part of what a seed means: another size gives other numbers.
constexpr int64_t kChunk = 1 << 16;

// 256 strips of equal area under exp(-x^2/2): strip i reaches to edges[i], and edges[i + 1] of it lies under the curve
// for certain.
constexpr int kNumStrips = 256;
constexpr double kTail = 3.6541528853610088, kArea = 0.00492867323399;

std::array<double, kNumStrips + 1> make_edges() {
  std::array<double, kNumStrips + 1> edges{};
  const auto density = [](double x) { return std::exp(-0.5 * x * x); };
  edges[0] = kArea / density(kTail);
  edges[1] = kTail;
  for (int i = 2; i < kNumStrips; ++i)
    edges[i] = std::sqrt(-2 * std::log(kArea / edges[i - 1] + density(edges[i - 1])));
  return edges;
}

const std::array<double, kNumStrips + 1> kEdges = make_edges();

double tail_normal(RandomStream& stream, bool is_negative) {
  for (;;) {
    const double x = -std::log1p(-stream.uniform()) / kTail, y = -std::log1p(-stream.uniform());
    if (2 * y >= x * x) return is_negative ? -(kTail + x) : kTail + x;
  }
}

double draw(RandomStream& stream, const Distribution& distribution) {
  if (distribution.kind == Distribution::Kind::Uniform) return (2 * stream.uniform() - 1) * distribution.value;
  double value = ziggurat_normal(stream);
  while (distribution.cutoff > 0 && std::abs(value) > distribution.cutoff) value = ziggurat_normal(stream);
  return value * distribution.value;
}

template <class T>
void fill(T* values, int64_t size, const Distribution& distribution, uint64_t seed, std::string_view purpose) {
  parallel_for((size + kChunk - 1) / kChunk, /*grain=*/1, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      RandomStream stream(seed, purpose, static_cast<uint64_t>(chunk));
      const int64_t last = std::min(size, (chunk + 1) * kChunk);
      for (int64_t i = chunk * kChunk; i < last; ++i)
        values[i] = static_cast<T>(static_cast<float>(draw(stream, distribution)));
    }
  });
}

}  // namespace

double ziggurat_normal(RandomStream& stream) {
  for (;;) {
    const uint64_t bits = stream.next();
    const size_t strip = bits % kNumStrips;
    const double unit = static_cast<double>(static_cast<int64_t>(bits) >> 11) * 0x1.0p-52;  // [-1, 1)
    const double x = unit * kEdges[strip];
    if (std::abs(x) < kEdges[strip + 1]) return x;
    if (strip == 0) return tail_normal(stream, unit < 0);
    const double top = std::exp(-0.5 * (kEdges[strip + 1] * kEdges[strip + 1] - x * x));
    const double bottom = std::exp(-0.5 * (kEdges[strip] * kEdges[strip] - x * x));
    if (bottom + stream.uniform() * (top - bottom) < 1) return x;
  }
}

at::Tensor random_tensor(at::IntArrayRef shape, DType dtype, const Distribution& distribution, uint64_t seed,
                         std::string_view purpose) {
  if (distribution.kind == Distribution::Kind::Constant)
    return at::full(shape, distribution.value, to_scalar_type(dtype));
  at::Tensor tensor = at::empty(shape, to_scalar_type(dtype));
  void* data = tensor.mutable_data_ptr();
  switch (dtype) {
    case DType::F32:
      fill(static_cast<float*>(data), tensor.numel(), distribution, seed, purpose);
      break;
    case DType::BF16:
      fill(static_cast<at::BFloat16*>(data), tensor.numel(), distribution, seed, purpose);
      break;
    case DType::F16:
      fill(static_cast<at::Half*>(data), tensor.numel(), distribution, seed, purpose);
      break;
    default:
      fail(ErrorCategory::InvalidArgument, "random weights of type {}: expected f32, bf16 or f16", enum_name(dtype));
  }
  return tensor;
}

}  // namespace molmo::checkpoint
