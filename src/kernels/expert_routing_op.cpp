// What stands between the packed products of a layer of experts: dozens of small operators of the library take
// as long for one token as a tenth of its products. float32 on the CPU, without gradients.
//   molmo::choose_experts(Tensor logits, int num_active) -> (Tensor weights, Tensor experts)
//       logits [N, E] of a router -> the k largest values of the softmax, falling, and whose they are, [N, k] and [N,
//       k] int64; of equal ones the first comes first.
//   molmo::weighted_sum(Tensor rows, Tensor places, Tensor weights) -> Tensor
//       rows [M, D], places [N k] int64 among them, weights [N, k] -> [N, D]
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"
#include "kernels/task_queue.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

// Fewer are not worth waking a thread for.
constexpr int64_t kChooseGrain = 16;    // tokens
constexpr int64_t kSumGrain = 1 << 15;  // values

void check_matrix(const Tensor& tensor, at::ScalarType type, const char* what) {
  if (tensor.is_cpu() && tensor.scalar_type() == type && tensor.is_contiguous()) return;
  fail(ErrorCategory::InvalidArgument, "{}: expected contiguous {} on the CPU, found {} {} on {}", what, toString(type),
       toString(tensor.scalar_type()), fmt::join(tensor.sizes(), "x"), tensor.device().str());
}

// The experts of one token, and their probabilities.
void choose(const float* logits, int64_t num_experts, int64_t num_active, int64_t* experts, float* weights) {
  const float largest = *std::max_element(logits, logits + num_experts);
  double total = 0;
  for (int64_t expert = 0; expert < num_experts; ++expert) total += std::exp(logits[expert] - largest);
  for (int64_t rank = 0; rank < num_active; ++rank) {
    int64_t best = -1;
    for (int64_t expert = 0; expert < num_experts; ++expert) {
      const bool is_taken = std::find(experts, experts + rank, expert) != experts + rank;
      if (!is_taken && (best < 0 || logits[expert] > logits[best])) best = expert;
    }
    experts[rank] = best;
    weights[rank] = static_cast<float>(std::exp(logits[best] - largest) / total);
  }
}

std::tuple<Tensor, Tensor> choose_experts(const Tensor& logits, int64_t num_active) {
  check_matrix(logits, at::kFloat, "[choose_experts] logits");
  if (logits.dim() != 2 || num_active < 1 || num_active > logits.size(1)) {
    fail(ErrorCategory::InvalidArgument,
         "[choose_experts] expected logits [N, E] and 1 to E active ones, found {} and {}",
         fmt::join(logits.sizes(), "x"), num_active);
  }
  const int64_t num_tokens = logits.size(0), num_experts = logits.size(1);
  Tensor weights = at::empty({num_tokens, num_active}, logits.options()),
         experts = at::empty({num_tokens, num_active}, logits.options().dtype(at::kLong));
  const float* of_token = logits.const_data_ptr<float>();
  int64_t* expert = experts.mutable_data_ptr<int64_t>();
  float* weight = weights.mutable_data_ptr<float>();
  run_pieces(num_tokens, kChooseGrain, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      choose(of_token + token * num_experts, num_experts, num_active, expert + token * num_active,
             weight + token * num_active);
    }
  });
  return {weights, experts};
}

Tensor weighted_sum(const Tensor& rows, const Tensor& places, const Tensor& weights) {
  check_matrix(rows, at::kFloat, "[weighted_sum] rows");
  check_matrix(places, at::kLong, "[weighted_sum] places");
  check_matrix(weights, at::kFloat, "[weighted_sum] weights");
  const int64_t* place = places.const_data_ptr<int64_t>();
  if (rows.dim() != 2 || weights.dim() != 2 || places.numel() != weights.numel() ||
      std::any_of(place, place + places.numel(), [&](int64_t p) { return p < 0 || p >= rows.size(0); })) {
    fail(ErrorCategory::InvalidArgument,
         "[weighted_sum] expected rows [M, D] and as many places among them as weights [N, k], found {}, {} places and "
         "weights {}",
         fmt::join(rows.sizes(), "x"), places.numel(), fmt::join(weights.sizes(), "x"));
  }
  static const TrainingPasses& passes = *best(training_passes_versions()).kernel;
  const int64_t num_tokens = weights.size(0), num_active = weights.size(1), width = rows.size(1);
  Tensor y = at::empty({num_tokens, width}, rows.options());
  const float *x = rows.const_data_ptr<float>(), *weight = weights.const_data_ptr<float>();
  float* sums = y.mutable_data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, kSumGrain / std::max<int64_t>(1, width * num_active));
  run_pieces(num_tokens, grain, [&](int64_t begin, int64_t end) {
    for (int64_t token = begin; token < end; ++token) {
      const int64_t first = token * num_active;
      passes.weighted_sum(x, place + first, weight + first, num_active, sums + token * width, width);
    }
  });
  return y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("choose_experts(Tensor logits, int num_active) -> (Tensor, Tensor)");
  library.def("weighted_sum(Tensor rows, Tensor places, Tensor weights) -> Tensor");
}

TORCH_LIBRARY_IMPL(molmo, CPU, library) {
  library.impl("choose_experts", choose_experts);
  library.impl("weighted_sum", weighted_sum);
}

}  // namespace molmo::kernels
