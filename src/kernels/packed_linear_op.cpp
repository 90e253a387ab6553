// molmo::packed_linear(Tensor x, Tensor weight, Tensor? bias, int out_features) -> Tensor: x [..., I] float32, packed
// weight [num_panels, panel_bytes] uint8 -> [..., O] float32. molmo::packed_linear_grouped(Tensor x, Tensor[] weights,
// int[] counts, int out_features) -> Tensor: rows [N, I] sorted by the matrix that they meet, counts[i] of them
// weights[i] (the experts of a layer) -> [N, O]; with S times as many weights as counts, S matrices for each row, ->
// [N, S O], outputs side by side. Matrices that no row meets are not touched. Inference on the CPU only.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/task_queue.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kQuantizedTokensPerTask = 16;
constexpr int64_t kPackedTaskBytes = 512 << 10;  // of weights: long streams for the prefetcher
constexpr int64_t kLeastTaskBytes = 64 << 10;    // short waits at the end
constexpr int64_t kMinPackedProducts = 1 << 18;  // less is not worth waking a thread for

// Few tokens are limited by reading: ranges may begin at multiples of this.
constexpr int64_t kFewTokensGrain = 4;

// Intel's processors read memory fastest as four streams a thread, AMD's as two (Zen 5: by 7 percent).
int64_t num_streams() {
  static const int64_t streams = is_intel_cpu() ? 4 : 2;
  return streams;
}

const PackedLinearKernel& packed_kernel() {
  static const PackedLinearKernel& kernel = *best(packed_linear_versions()).kernel;
  return kernel;
}

// Activations of 8 bits, and the memory that they live in.
struct QuantizedTensor {
  QuantizedTensor(const Tensor& x, int64_t in_features) : num_tokens(x.size(0)) {
    const int64_t num_spare = num_tokens > 1 ? kSpareTokens : 0, num_rows = num_tokens + num_spare;
    const int64_t num_starts = (in_features + kPackedGroup - 1) / kPackedGroup;
    // Rows a power of two apart would meet in the same few lines of the caches.
    const int64_t stride = (in_features + 63) / 64 * 64 + 64;
    const int64_t num_groups = (in_features + kActivationGroup - 1) / kActivationGroup;
    // One piece for all of them: a token meets hundreds of products, and every operator of the library costs as much
    // as quantising it.
    const int64_t code_bytes = num_rows * stride, group_bytes = num_rows * num_groups * int64_t{sizeof(float)},
                  start_bytes = num_rows * num_starts * int64_t{sizeof(int32_t)};
    memory = at::empty({code_bytes + 2 * group_bytes + start_bytes}, at::kByte);
    uint8_t* next = memory.mutable_data_ptr<uint8_t>();
    const auto take = [&]<class T>(T*& array, int64_t bytes) {
      array = reinterpret_cast<T*>(next);
      const int64_t row_bytes = bytes / num_rows;
      std::memset(next + num_tokens * row_bytes, 0, static_cast<size_t>(num_spare * row_bytes));
      next += bytes;
    };
    rows.stride = stride;
    rows.num_groups = num_groups;
    take(rows.codes, code_bytes);
    take(rows.scales, group_bytes);
    take(rows.starts, start_bytes);
    take(rows.wide_starts, group_bytes);
    run_pieces(num_tokens, kQuantizedTokensPerTask, [&](int64_t begin, int64_t end) {
      packed_kernel().quantize(x.const_data_ptr<float>(), x.stride(0), in_features, rows, begin, end);
    });
  }

  int64_t num_tokens;
  Tensor memory;
  QuantizedRows rows;
};

struct PanelRange {
  size_t problem;
  int64_t begin, end;
};

// Ranges of panels of all problems in the order in which threads take them: long ones first, for long streams of
// reading, then shorter and shorter ones, so that all threads end at nearly the same time.
std::vector<PanelRange> divide(const std::vector<PackedLinear>& problems, const PackedLinearKernel& kernel) {
  int64_t products = 0, bytes_left = 0;
  for (const PackedLinear& problem : problems) {
    products += problem.num_tokens * problem.shape.num_panels() * kPanelRows * problem.shape.padded_in();
    bytes_left += problem.shape.num_panels() * problem.shape.panel_bytes();
  }
  const int64_t worth_waking = bytes_left / std::max<int64_t>(1, products / kMinPackedProducts);
  const int64_t least = std::max(kLeastTaskBytes, worth_waking), most = std::max(kPackedTaskBytes, least);
  std::vector<PanelRange> ranges;
  for (size_t i = 0; i < problems.size(); ++i) {
    const PackedShape& shape = problems[i].shape;
    const bool are_few = problems[i].num_tokens <= kernel.max_few_tokens;
    const int64_t grain = are_few ? kFewTokensGrain : kernel.panel_grain;
    for (int64_t begin = 0; begin < shape.num_panels();) {
      const int64_t wanted = std::clamp(bytes_left / (4 * num_task_threads()), least, most) / shape.panel_bytes();
      const int64_t size = (std::max<int64_t>(1, wanted) + grain - 1) / grain * grain;
      const int64_t end = std::min(begin + size, shape.num_panels());
      ranges.push_back({i, begin, end});
      bytes_left -= (end - begin) * shape.panel_bytes();
      begin = end;
    }
  }
  return ranges;
}

// The panels where `range` begins; null if they are of another length than those of `shape`.
const uint8_t* first_panel(const std::vector<PackedLinear>& problems, const PanelRange& range,
                           const PackedShape& shape) {
  const PackedLinear& problem = problems[range.problem];
  const int64_t bytes = problem.shape.panel_bytes();
  return bytes == shape.panel_bytes() ? problem.weight + range.begin * bytes : nullptr;
}

// `count` tokens of a product, from `first` on.
PackedLinear tokens_of(PackedLinear problem, int64_t first, int64_t count) {
  problem.num_tokens = count;
  problem.x.codes += first * problem.x.stride;
  problem.x.scales += first * problem.x.num_groups;
  problem.x.wide_starts += first * problem.x.num_groups;
  problem.x.starts += first * (problem.shape.padded_in() / kPackedGroup);
  problem.y += first * problem.y_stride;
  return problem;
}

void run(const std::vector<PackedLinear>& problems) {
  const PackedLinearKernel& kernel = packed_kernel();
  const std::vector<PanelRange> ranges = divide(problems, kernel);
  run_tasks(static_cast<int64_t>(ranges.size()), [&] {
    // One for each thread and all products: an allocation of this size is a system call, and its end one that
    // interrupts the other threads.
    thread_local const Tensor scratch = at::empty({kernel.scratch_bytes}, at::kByte);
    return [&, bytes = scratch.mutable_data_ptr<uint8_t>()](int64_t task) {
      const auto& [index, begin, end] = ranges[static_cast<size_t>(task)];
      const PackedLinear& problem = problems[index];
      // Threads take turns, so this one's next range is about that many further.
      const auto next = static_cast<size_t>(task + num_task_threads());
      const uint8_t* following = next < ranges.size() ? first_panel(problems, ranges[next], problem.shape) : nullptr;
      kernel.panels(problem, bytes, begin, end, following);
    };
  });
}

void check_activations(const char* op, const Tensor& x) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() >= 1 && !(at::GradMode::is_enabled() && x.requires_grad()))
    return;
  fail(ErrorCategory::InvalidArgument,
       "[{}] expected float32 activations on the CPU without gradients (packed weights are for inference), found {} "
       "{}{}",
       op, toString(x.scalar_type()), fmt::join(x.sizes(), "x"), x.requires_grad() ? " with gradients" : "");
}

PackedShape shape_of(const char* op, const Tensor& weight, int64_t out_features, int64_t in_features) {
  const bool is_matrix =
      weight.is_cpu() && weight.scalar_type() == at::kByte && weight.dim() == 2 && weight.is_contiguous();
  const auto type = is_matrix ? packed_type(out_features, in_features, weight.size(0), weight.size(1)) : std::nullopt;
  if (type) return {*type, out_features, in_features};
  fail(ErrorCategory::InvalidArgument, "[{}] expected a matrix {}x{} as uint8 panels on the CPU, found {} {}", op,
       out_features, in_features, toString(weight.scalar_type()), fmt::join(weight.sizes(), "x"));
}

// Rows of x without gaps inside.
Tensor rows_of(const Tensor& x) {
  const Tensor rows = x.reshape({-1, x.size(-1)});
  return rows.size(1) > 1 && rows.stride(1) != 1 ? rows.contiguous() : rows;
}

Tensor packed_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, int64_t out_features) {
  check_activations("packed_linear", x);
  const PackedShape shape = shape_of("packed_linear", weight, out_features, x.size(-1));
  if (bias && (bias->scalar_type() != at::kFloat || bias->dim() != 1 || bias->size(0) != out_features ||
               !bias->is_contiguous() || !bias->is_cpu())) {
    fail(ErrorCategory::InvalidArgument, "[packed_linear] expected a float32 bias of {} on the CPU, found {} {}",
         out_features, toString(bias->scalar_type()), fmt::join(bias->sizes(), "x"));
  }
  auto sizes = x.sizes().vec();
  sizes.back() = out_features;
  Tensor y = at::empty(sizes, x.options());
  if (y.numel() == 0) return y;
  const Tensor rows = rows_of(x);
  const QuantizedTensor quantized(rows, shape.in_features);
  const PackedLinear problem{.shape = shape,
                             .weight = weight.const_data_ptr<uint8_t>(),
                             .bias = bias ? bias->const_data_ptr<float>() : nullptr,
                             .x = quantized.rows,
                             .num_tokens = quantized.num_tokens,
                             .y = y.mutable_data_ptr<float>(),
                             .y_stride = out_features,
                             .num_streams = num_streams()};
  // As long as each other, so that the last does not expand all weights for a few tokens.
  const int64_t most = packed_kernel().tokens_per_pass, num_passes = (problem.num_tokens + most - 1) / most;
  const int64_t per_pass = (problem.num_tokens + num_passes - 1) / num_passes;
  for (int64_t token = 0; token < problem.num_tokens; token += per_pass)
    run({tokens_of(problem, token, std::min(per_pass, problem.num_tokens - token))});
  return y;
}

Tensor packed_linear_grouped(const Tensor& x, at::TensorList weights, at::IntArrayRef counts, int64_t out_features) {
  check_activations("packed_linear_grouped", x);
  const int64_t num_rows = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (x.dim() != 2 || x.size(0) != num_rows || counts.empty() || weights.size() % counts.size() != 0 ||
      std::ranges::any_of(counts, [](int64_t count) { return count < 0; })) {
    fail(ErrorCategory::InvalidArgument,
         "[packed_linear_grouped] expected x [N, I], counts that add up to N and as many weights or a multiple, found "
         "x {}, {} counts with sum {} and {} weights",
         fmt::join(x.sizes(), "x"), counts.size(), num_rows, weights.size());
  }
  const size_t num_sets = weights.size() / counts.size();
  const int64_t width = static_cast<int64_t>(num_sets) * out_features;
  Tensor y = at::empty({num_rows, width}, x.options());
  if (y.numel() == 0) return y;
  const Tensor rows = rows_of(x);
  const int64_t in_features = x.size(1);
  const QuantizedTensor quantized(rows, in_features);
  std::vector<PackedLinear> problems;
  for (size_t set = 0; set < num_sets; ++set) {
    for (size_t i = 0, first = 0; i < counts.size(); first += static_cast<size_t>(counts[i]), ++i) {
      if (counts[i] == 0) continue;
      const Tensor& weight = weights[set * counts.size() + i];
      const PackedLinear all{.shape = shape_of("packed_linear_grouped", weight, out_features, in_features),
                             .weight = weight.const_data_ptr<uint8_t>(),
                             .bias = nullptr,
                             .x = quantized.rows,
                             .num_tokens = num_rows,
                             .y = y.mutable_data_ptr<float>() + static_cast<int64_t>(set) * out_features,
                             .y_stride = width,
                             .num_streams = num_streams()};
      problems.push_back(tokens_of(all, static_cast<int64_t>(first), counts[i]));
    }
  }
  run(problems);
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("packed_linear(Tensor x, Tensor weight, Tensor? bias, int out_features) -> Tensor");
  library.def("packed_linear_grouped(Tensor x, Tensor[] weights, int[] counts, int out_features) -> Tensor");
}

TORCH_LIBRARY_IMPL(molmo, CPU, library) {
  library.impl("packed_linear", packed_linear);
  library.impl("packed_linear_grouped", packed_linear_grouped);
}

}  // namespace molmo::kernels
