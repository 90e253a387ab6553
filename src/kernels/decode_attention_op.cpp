// The kernel of decode_attention.h as a torch operator on the CPU, without gradients:
//   molmo::decode_attention(Tensor q, Tensor k, Tensor v, Tensor? bias) -> Tensor
//       q [B, H, 1, A] float32; k and v [B, K, S, A] of one type, float32, bfloat16 or float16, with K a divisor of H;
//       bias [B or 1, 1, 1, S] -> [B, H, 1, A] float32 in the memory of [B, 1, H, A].
// No result depends on the number of threads.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/task_queue.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kMinThreadValues = 1 << 17;  // of keys: fewer are not worth waking a thread for

void check_decode(const Tensor& q, const Tensor& k, const Tensor& v, const std::optional<Tensor>& bias) {
  const auto check = [&](bool condition, const char* expected) {
    if (condition) return;
    fail(ErrorCategory::InvalidArgument, "[decode_attention] expected {}, found q {} {}, k {} {} and v {} {}", expected,
         toString(q.scalar_type()), fmt::join(q.sizes(), "x"), toString(k.scalar_type()), fmt::join(k.sizes(), "x"),
         toString(v.scalar_type()), fmt::join(v.sizes(), "x"));
  };
  const auto type = k.scalar_type();
  check(q.is_cpu() && k.is_cpu() && v.is_cpu(), "tensors on the CPU");
  check(q.scalar_type() == at::kFloat, "float32 queries");
  check(type == v.scalar_type() && (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf),
        "keys and values of one type, float32, bfloat16 or float16");
  check(q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(2) == 1 && k.size(0) == q.size(0) &&
            k.size(3) == q.size(3) && k.size(1) > 0 && q.size(1) % k.size(1) == 0,
        "q [B, H, 1, A], k and v [B, K, S, A], K a divisor of H");
  check(!bias || (bias->dim() == 4 && bias->scalar_type() == at::kFloat && bias->is_cpu() &&
                  (bias->size(0) == 1 || bias->size(0) == q.size(0)) && bias->size(1) == 1 && bias->size(2) == 1 &&
                  bias->size(3) == k.size(2)),
        "a float32 bias [B or 1, 1, 1, S]");
  check(!at::GradMode::is_enabled() || !(q.requires_grad() || k.requires_grad() || v.requires_grad()),
        "tensors without gradients");
}

Tensor with_adjacent_values(const Tensor& x) {
  return x.size(3) <= 1 || x.stride(3) == 1 ? x : x.contiguous();
}

const char* row_of(const Tensor& x, int64_t example, int64_t head, int64_t row) {
  return static_cast<const char*>(x.const_data_ptr()) +
         (example * x.stride(0) + head * x.stride(1) + row * x.stride(2)) * x.element_size();
}

CacheType cache_type(const Tensor& x) {
  if (x.scalar_type() == at::kFloat) return CacheType::Float32;
  return x.scalar_type() == at::kHalf ? CacheType::Float16 : CacheType::BFloat16;
}

const DecodeAttentionKernel& kernel_of_width(int64_t width) {
  static const DecodeAttentionKernel& fast = *best(decode_attention_versions()).kernel;
  return width % fast.width_grain == 0 ? fast : kDecodeAttentionScalar;
}

// What the ranges of all key heads gave: pair of example and key head, then range, then head.
struct Partial {
  Tensor y, largest, sums;  // [pairs * ranges, G, A], [pairs * ranges, G] twice
};

// y [A] of one head: its ranges in their order.
void merge_ranges(const Partial& partial, int64_t first, int64_t num_ranges, int64_t head, float* y) {
  const int64_t group = partial.y.size(1), width = partial.y.size(2);
  const float* largest = partial.largest.const_data_ptr<float>() + first * group + head;
  const float* sums = partial.sums.const_data_ptr<float>() + first * group + head;
  float most = -std::numeric_limits<float>::infinity(), sum = 0;
  for (int64_t range = 0; range < num_ranges; ++range) {
    if (!(largest[range * group] <= most)) most = largest[range * group];
  }
  std::fill(y, y + width, 0.0f);
  for (int64_t range = 0; range < num_ranges; ++range) {
    if (sums[range * group] == 0) continue;
    const float factor = std::exp2(largest[range * group] - most);
    const float* from = partial.y.const_data_ptr<float>() + ((first + range) * group + head) * width;
    sum += factor * sums[range * group];
    for (int64_t i = 0; i < width; ++i) y[i] += factor * from[i];
  }
  if (sum == 0) return;
  for (int64_t i = 0; i < width; ++i) y[i] /= sum;
}

Tensor decode_attention(const Tensor& q_or_strided, const Tensor& k_or_strided, const Tensor& v_or_strided,
                        const std::optional<Tensor>& bias_or_strided) {
  check_decode(q_or_strided, k_or_strided, v_or_strided, bias_or_strided);
  const Tensor q = with_adjacent_values(q_or_strided), k = with_adjacent_values(k_or_strided),
               v = with_adjacent_values(v_or_strided);
  const Tensor bias = bias_or_strided ? with_adjacent_values(*bias_or_strided) : Tensor();
  const int64_t batch = q.size(0), num_heads = q.size(1), width = q.size(3), key_heads = k.size(1),
                num_keys = k.size(2), group = num_heads / key_heads;
  const Tensor y = at::empty({batch, 1, num_heads, width}, q.options());
  const int64_t num_ranges = (num_keys + kDecodeRange - 1) / kDecodeRange, num_tasks = batch * key_heads * num_ranges;
  const DecodeAttentionKernel& kernel = kernel_of_width(width);
  const Partial partial{at::empty({num_tasks, group, width}, q.options()), at::empty({num_tasks, group}, q.options()),
                        at::empty({num_tasks, group}, q.options())};
  const auto run = [&](int64_t task, float* scratch) {
    const int64_t pair = task / num_ranges, example = pair / key_heads, key_head = pair % key_heads,
                  first = task % num_ranges * kDecodeRange;
    kernel.range({.type = cache_type(k),
                  .keys = row_of(k, example, key_head, first),
                  .values = row_of(v, example, key_head, first),
                  .key_stride = k.stride(2),
                  .value_stride = v.stride(2),
                  .num_keys = std::min(kDecodeRange, num_keys - first),
                  .width = width,
                  .num_heads = group,
                  .q = reinterpret_cast<const float*>(row_of(q, example, key_head * group, 0)),
                  .q_stride = q.stride(1),
                  .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width))),
                  .bias = bias.defined() ? bias.const_data_ptr<float>() +
                                               (bias.size(0) == 1 ? 0 : example * bias.stride(0)) + first
                                         : nullptr,
                  .y = partial.y.mutable_data_ptr<float>() + task * group * width,
                  .largest = partial.largest.mutable_data_ptr<float>() + task * group,
                  .sums = partial.sums.mutable_data_ptr<float>() + task * group},
                 scratch);
  };
  const auto make_task = [&]() -> Task {
    return [&, scratch = at::empty({kernel.scratch(width)}, at::kFloat)](int64_t task) {
      run(task, scratch.mutable_data_ptr<float>());
    };
  };
  if (k.numel() >= kMinThreadValues) {
    run_tasks(num_tasks, make_task);
  } else {
    const Task task = make_task();
    for (int64_t index = 0; index < num_tasks; ++index) task(index);
  }
  for (int64_t head = 0; head < batch * num_heads; ++head) {
    merge_ranges(partial, head / group * num_ranges, num_ranges, head % group,
                 y.mutable_data_ptr<float>() + head * width);
  }
  return y.transpose(1, 2);
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("decode_attention(Tensor q, Tensor k, Tensor v, Tensor? bias) -> Tensor");
}

TORCH_LIBRARY_IMPL(molmo, CPU, library) {
  library.impl("decode_attention", decode_attention);
}

}  // namespace molmo::kernels
