// molmo::dense_linear(Tensor x, Tensor weight) -> Tensor: x [..., I] float32, weight [O, I] bfloat16 or float16 ->
// [..., O] float32. Inference on the CPU only; with gradients use at::linear.
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>
#include <torch/library.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/task_queue.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kMaxTokensPerPass = 1024;  // bounds the packed activations: 78 MB for the widest layer of a 7B model
constexpr int64_t kMaxTaskBytes = 1 << 20;   // of weights: long streams for the prefetcher, and short waits at the end
constexpr int64_t kMinTaskProducts = 1 << 16;  // less is not worth waking a thread for

void check_arguments(const Tensor& x, const Tensor& weight) {
  const auto check = [&](bool condition, const char* expected) {
    if (condition) return;
    fail(ErrorCategory::InvalidArgument, "[dense_linear] expected {}, found x {} {} and weight {} {}", expected,
         toString(x.scalar_type()), fmt::join(x.sizes(), "x"), toString(weight.scalar_type()),
         fmt::join(weight.sizes(), "x"));
  };
  check(x.is_cpu() && weight.is_cpu(), "tensors on the CPU");
  check(x.scalar_type() == at::kFloat, "float32 activations");
  check(weight.scalar_type() == at::kBFloat16 || weight.scalar_type() == at::kHalf, "a bfloat16 or float16 weight");
  check(x.dim() >= 1 && weight.dim() == 2 && x.size(-1) == weight.size(1), "x [..., I] and weight [O, I]");
  check(weight.size(1) <= 1 || weight.stride(1) == 1, "weight rows without gaps");
  check(!at::GradMode::is_enabled() || (!x.requires_grad() && !weight.requires_grad()),
        "tensors without gradients (use at::linear)");
}

// Rows per task: as many as the version works best with, fewer where threads would go without work.
int64_t rows_per_task(const DenseLinearKernel& kernel, const DenseLinear& problem, bool is_packed) {
  const int64_t most = is_packed ? kernel.block_rows : kMaxTaskBytes / (2 * problem.in_features);
  const int64_t least = kMinTaskProducts / (problem.in_features * problem.num_tokens);
  const int64_t fair = problem.out_features / (4 * num_task_threads());
  const int64_t rows = std::max({std::min(most, fair), least, int64_t{1}});
  return (rows + kernel.row_grain - 1) / kernel.row_grain * kernel.row_grain;
}

void run_pass(const DenseLinearKernel& kernel, const DenseLinear& problem) {
  const int64_t packed_size = kernel.packed_x_size(problem.num_tokens, problem.in_features);
  const auto floats = at::TensorOptions(at::kFloat);
  Tensor packed;
  float* packed_x = nullptr;
  if (packed_size) {
    packed = at::empty({packed_size}, floats);
    packed_x = packed.mutable_data_ptr<float>();
    run_tasks(kernel.num_tiles(problem.num_tokens),
              [&] { return [&](int64_t tile) { kernel.pack_x(problem, packed_x, tile, tile + 1); }; });
  }
  const int64_t task_rows = rows_per_task(kernel, problem, packed_size > 0);
  run_tasks((problem.out_features + task_rows - 1) / task_rows, [&] {
    return [&, scratch = at::empty({packed_size ? kernel.scratch_size : 0}, floats)](int64_t task) {
      const int64_t begin = task * task_rows, end = std::min(begin + task_rows, problem.out_features);
      kernel.rows(problem, packed_x, scratch.template mutable_data_ptr<float>(), begin, end);
    };
  });
}

Tensor dense_linear(const Tensor& x, const Tensor& weight) {
  check_arguments(x, weight);
  const int64_t in_features = weight.size(1), out_features = weight.size(0);
  auto sizes = x.sizes().vec();
  sizes.back() = out_features;
  if (in_features == 0) return at::zeros(sizes, x.options());
  Tensor y = at::empty(sizes, x.options());
  if (y.numel() == 0) return y;

  Tensor rows = x.reshape({-1, in_features});
  if (in_features > 1 && rows.stride(1) != 1) rows = rows.contiguous();
  const int64_t num_tokens = rows.size(0);
  const int64_t num_passes = (num_tokens + kMaxTokensPerPass - 1) / kMaxTokensPerPass;
  static const DenseLinearKernel& kernel = *best(dense_linear_versions()).kernel;
  for (int64_t pass = 0; pass < num_passes; ++pass) {
    const int64_t begin = num_tokens * pass / num_passes, end = num_tokens * (pass + 1) / num_passes;
    run_pass(kernel, {.x = rows.const_data_ptr<float>() + begin * rows.stride(0),
                      .x_stride = rows.stride(0),
                      .weight = static_cast<const uint16_t*>(weight.const_data_ptr()),
                      .weight_stride = weight.stride(0),
                      .weight_type = weight.scalar_type() == at::kHalf ? HalfType::F16 : HalfType::BF16,
                      .y = y.mutable_data_ptr<float>() + begin * out_features,
                      .y_stride = out_features,
                      .num_tokens = end - begin,
                      .in_features = in_features,
                      .out_features = out_features});
  }
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("dense_linear(Tensor x, Tensor weight) -> Tensor");
}

TORCH_LIBRARY_IMPL(molmo, CPU, library) {
  library.impl("dense_linear", dense_linear);
}

}  // namespace molmo::kernels
