// Every version against the scalar one, and the operator against plain tensor operations in double precision.
#include "kernels/decode_attention.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"

namespace molmo::kernels {
namespace {

using at::Tensor;

constexpr float kInfiniteScore = std::numeric_limits<float>::infinity();

struct DecodeCase {
  int64_t batch, heads, key_heads, keys, width;
  bool has_bias = false;
};

// Groups of 1 to 20 heads; ranges that are full, begun and alone; widths of whole vectors of some versions and of none.
const std::vector<DecodeCase> kDecodeCases = {
    {1, 1, 1, 1, 16},  {1, 28, 4, 1217, 128}, {2, 16, 16, 70, 128, true}, {1, 8, 2, 256, 64}, {3, 12, 4, 257, 32, true},
    {1, 9, 3, 33, 24}, {1, 20, 1, 513, 48},   {2, 4, 2, 40, 7, true},     {1, 5, 1, 31, 16},  {1, 16, 2, 300, 96},
};

const std::vector<at::ScalarType> kCacheTypes = {at::kFloat, at::kBFloat16, at::kHalf};

struct DecodeProblem {
  Tensor q, k, v, bias;
};

// Keys and values as a cache holds them: with room behind the last token.
DecodeProblem decode_problem(const DecodeCase& c, at::ScalarType type) {
  at::manual_seed(11);
  const auto cache = [&] {
    return at::randn({c.batch, c.key_heads, c.keys + 5, c.width}).mul(1.5).to(type).narrow(2, 0, c.keys);
  };
  DecodeProblem problem{at::randn({c.batch, c.heads, 1, c.width}), cache(), cache(), {}};
  if (c.has_bias) {
    problem.bias = at::randn({c.batch, 1, 1, c.keys});
    problem.bias.slice(3, 0, c.keys / 3).fill_(-kInfiniteScore);
    if (c.batch > 1) problem.bias.select(0, 1).fill_(-3e38f);  // sees nothing
  }
  return problem;
}

Tensor call(const DecodeProblem& problem) {
  using DecodeSignature = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&);
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("molmo::decode_attention", "").typed<DecodeSignature>();
  return op.call(problem.q, problem.k, problem.v, problem.bias.defined() ? std::optional(problem.bias) : std::nullopt);
}

Tensor in_double(const DecodeProblem& problem) {
  const int64_t group = problem.q.size(1) / problem.k.size(1);
  const Tensor k = problem.k.to(at::kDouble).repeat_interleave(group, 1),
               v = problem.v.to(at::kDouble).repeat_interleave(group, 1);
  Tensor scores = at::matmul(problem.q.to(at::kDouble), k.transpose(2, 3)) / std::sqrt(problem.q.size(3));
  if (!problem.bias.defined()) return at::matmul(at::softmax(scores, -1), v);
  const Tensor bias = problem.bias.to(at::kDouble), is_seen = bias.gt(-1e30);
  scores = (scores + bias.clamp_min(-1e3)).masked_fill(is_seen.logical_not(), -1e4);
  return at::matmul(at::softmax(scores, -1) * is_seen, v);
}

// Scores of up to A products and weights of up to S: their rounding, of values about 1.5.
double tolerance(const DecodeCase& c) {
  return 1.5 * 6e-8 * static_cast<double>(c.width + c.keys + 64);
}

TEST(DecodeAttention, OperatorEqualsTensorOperations) {
  for (const DecodeCase& c : kDecodeCases) {
    for (const auto type : kCacheTypes) {
      const DecodeProblem problem = decode_problem(c, type);
      const double difference = (call(problem) - in_double(problem)).abs().max().item<double>();
      EXPECT_LE(difference, tolerance(c)) << c.heads << "/" << c.key_heads << " heads, " << c.keys << " keys, width "
                                          << c.width << ", " << toString(type);
    }
  }
}

struct RangeResult {
  std::vector<float> y, largest, sums;
};

RangeResult compute_range(const DecodeAttentionKernel& kernel, const DecodeProblem& problem, CacheType type) {
  const int64_t group = problem.q.size(1) / problem.k.size(1), width = problem.q.size(3);
  RangeResult result{std::vector<float>(group * width, 7), std::vector<float>(group, 7), std::vector<float>(group, 7)};
  const Tensor scratch = at::full({kernel.scratch(width)}, NAN);
  kernel.range({.type = type,
                .keys = problem.k.const_data_ptr(),
                .values = problem.v.const_data_ptr(),
                .key_stride = problem.k.stride(2),
                .value_stride = problem.v.stride(2),
                .num_keys = std::min(kDecodeRange, problem.k.size(2)),
                .width = width,
                .num_heads = group,
                .q = problem.q.const_data_ptr<float>(),
                .q_stride = problem.q.stride(1),
                .scale = 0.3f,
                .bias = problem.bias.defined() ? problem.bias.const_data_ptr<float>() : nullptr,
                .y = result.y.data(),
                .largest = result.largest.data(),
                .sums = result.sums.data()},
               scratch.mutable_data_ptr<float>());
  return result;
}

TEST(DecodeAttention, VersionsEqualTheScalarOne) {
  constexpr CacheType kTypes[] = {CacheType::Float32, CacheType::BFloat16, CacheType::Float16};
  for (const auto& version : decode_attention_versions()) {
    if (!version.runs_on(detected_cpu_features())) continue;
    for (const DecodeCase& c : kDecodeCases) {
      if (c.width % version.kernel->width_grain != 0) continue;
      for (size_t type = 0; type < std::size(kTypes); ++type) {
        const DecodeProblem problem = decode_problem(c, kCacheTypes[type]);
        const RangeResult expected = compute_range(kDecodeAttentionScalar, problem, kTypes[type]),
                          found = compute_range(*version.kernel, problem, kTypes[type]);
        for (size_t head = 0; head < expected.sums.size(); ++head) {
          const std::string where = std::string(version.name) + ", head " + std::to_string(head);
          // A score's rounding, to base 2, moves weights by as much of themselves.
          const double share = 1e-6 * static_cast<double>(c.width);
          if (expected.sums[head] == 0) {
            EXPECT_EQ(found.largest[head], -kInfiniteScore) << where;
          } else {
            EXPECT_NEAR(found.largest[head], expected.largest[head], share) << where;
          }
          EXPECT_NEAR(found.sums[head], expected.sums[head], share * expected.sums[head]) << where;
          for (int64_t i = 0; i < c.width; ++i) {
            const size_t at = head * static_cast<size_t>(c.width) + static_cast<size_t>(i);
            EXPECT_NEAR(found.y[at], expected.y[at], 5 * share * expected.sums[head]) << where;
          }
        }
      }
    }
  }
}

TEST(DecodeAttention, ThreadsChangeNoBit) {
  const DecodeProblem problem = decode_problem({2, 28, 4, 1500, 128}, at::kHalf);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor one = call(problem);
  at::set_num_threads(3);
  EXPECT_TRUE(one.equal(call(problem)));
  at::set_num_threads(before);
}

TEST(DecodeAttention, LargeScoresAndInfinitiesStayFinite) {
  DecodeProblem problem = decode_problem({1, 2, 1, 300, 16}, at::kFloat);
  problem.q.mul_(1e4);
  const Tensor y = call(problem);
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  EXPECT_LE((y - in_double(problem)).abs().max().item<double>(), 1e-2);  // scores of 1e5 are rounded to 1e-2
}

TEST(DecodeAttention, RefusesWhatItCannotCompute) {
  const DecodeProblem problem = decode_problem({1, 4, 2, 8, 16}, at::kFloat);
  const auto with = [&](Tensor q, Tensor k, Tensor v, Tensor bias) { return DecodeProblem{q, k, v, bias}; };
  EXPECT_THROW(call(with(problem.q.to(at::kBFloat16), problem.k, problem.v, {})), Error);
  EXPECT_THROW(call(with(problem.q, problem.k.to(at::kHalf), problem.v, {})), Error);
  EXPECT_THROW(call(with(problem.q.narrow(1, 0, 3), problem.k, problem.v, {})), Error);
  EXPECT_THROW(call(with(problem.q.narrow(3, 0, 8), problem.k, problem.v, {})), Error);
  EXPECT_THROW(call(with(problem.q, problem.k, problem.v, at::zeros({1, 1, 1, 7}))), Error);
  EXPECT_EQ(call(with(problem.q.narrow(0, 0, 0), problem.k.narrow(0, 0, 0), problem.v.narrow(0, 0, 0), {})).numel(), 0);
}

}  // namespace
}  // namespace molmo::kernels
