// Every version, and the operator, against plain tensor operations in double precision.
#include "kernels/attention.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
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

constexpr double kInf = std::numeric_limits<double>::infinity();

enum class Mask { None, Bias, Packed, Padded, Causal, CausalBias };

struct Case {
  int64_t batch, heads, key_heads, queries, keys, width;
  Mask mask = Mask::None;
};

// Sizes about the blocks of every version, and widths with and without tails.
const std::vector<Case> kCases = {
    {2, 2, 2, 1, 1, 1},
    {1, 1, 1, 5, 4, 3},
    {3, 2, 2, 1, 4, 64},
    {2, 3, 3, 49, 65, 32},
    {1, 4, 2, 97, 130, 20, Mask::Bias},
    {2, 6, 2, 145, 145, 32, Mask::Packed},
    {1, 2, 1, 200, 200, 64, Mask::Packed},
    {2, 2, 2, 70, 70, 48, Mask::Padded},
    {1, 3, 1, 131, 131, 40, Mask::Causal},
    {2, 2, 1, 64, 64, 128, Mask::Causal},
    {2, 2, 2, 100, 100, 16, Mask::CausalBias},
    {1, 1, 1, 17, 33, 256},
    {1, 1, 1, 0, 3, 8},
};

struct Problem {
  Tensor q, k, v, bias, dy;  // in the given type; the bias float32 or undefined
  bool is_causal;
};

// Rows of 24 about a picture of 40 tokens that all of them see, each seeing itself; the last rows are padding.
Tensor packed_bias(int64_t batch, int64_t tokens) {
  const Tensor position = at::arange(tokens), part = position.sub(40).div(24, "floor").clamp_min(-1);
  Tensor seen = position.unsqueeze(1).ge(position.unsqueeze(0));
  seen = seen.logical_and(part.unsqueeze(0).eq(-1).logical_or(part.unsqueeze(1).eq(part.unsqueeze(0))));
  const Tensor bias = at::zeros({tokens, tokens}).masked_fill(seen.logical_not(), -kInf);
  const Tensor all = bias.expand({batch, 1, tokens, tokens}).clone();
  all.select(0, 0).slice(1, tokens - 9).fill_(-kInf);
  return all;
}

Problem make_problem(const Case& c, at::ScalarType type) {
  at::manual_seed(7);
  // As halves of a joint product, split into heads: rows lie apart.
  const auto heads = [&](int64_t count, int64_t rows) {
    return at::randn({c.batch, rows, 3, count, c.width}).to(type).select(2, 1).transpose(1, 2);
  };
  Problem problem{.q = heads(c.heads, c.queries),
                  .k = heads(c.key_heads, c.keys),
                  .v = heads(c.key_heads, c.keys),
                  .bias = {},
                  .dy = heads(c.heads, c.queries),
                  .is_causal = c.mask == Mask::Causal || c.mask == Mask::CausalBias};
  if (c.mask == Mask::Bias || c.mask == Mask::CausalBias) problem.bias = at::randn({1, 1, c.queries, c.keys});
  if (c.mask == Mask::Packed) problem.bias = packed_bias(c.batch, c.queries);
  if (c.mask == Mask::Padded) {
    problem.bias = at::zeros({c.batch, 1, c.queries, c.keys});
    problem.bias.select(0, 1).slice(2, 33).fill_(-3e38);
    problem.bias.select(0, 0).slice(1, 0, 3).fill_(-kInf);
  }
  return problem;
}

struct Result {
  Tensor y, dq, dk, dv;
};

Result reference(const Problem& problem) {
  const auto leaf = [](const Tensor& x) { return x.to(at::kDouble).clone().set_requires_grad(true); };
  const Tensor q = leaf(problem.q), k = leaf(problem.k), v = leaf(problem.v);
  const int64_t group = q.size(1) / k.size(1), queries = q.size(2), keys = k.size(2);
  const Tensor bias =
      problem.bias.defined() ? problem.bias.to(at::kDouble) : at::zeros({1, 1, queries, keys}, at::kDouble);
  Tensor seen = bias.gt(-1e30);
  if (problem.is_causal) seen = seen.logical_and(at::ones({queries, keys}, at::kBool).tril());
  const Tensor scores = at::matmul(q, k.repeat_interleave(group, 1).transpose(2, 3)) / std::sqrt(q.size(3));
  const Tensor p = at::softmax((scores + bias.clamp_min(-1e3)).masked_fill(seen.logical_not(), -1e4), -1) * seen;
  const Tensor y = at::matmul(p, v.repeat_interleave(group, 1));
  y.backward(problem.dy.to(at::kDouble));
  return {y.detach(), q.grad(), k.grad(), v.grad()};
}

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance, const char* what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  if (actual.numel() == 0) return;
  const double scale = std::max(1.0, expected.abs().max().item<double>());
  const double error = (actual.to(at::kDouble) - expected).abs().max().item<double>();
  EXPECT_LE(error, tolerance * scale) << what;  // false for NaN
}

void expect_near(const Result& actual, const Result& expected, double tolerance) {
  expect_near(actual.y, expected.y, tolerance, "y");
  expect_near(actual.dq, expected.dq, tolerance, "dq");
  expect_near(actual.dk, expected.dk, tolerance, "dk");
  expect_near(actual.dv, expected.dv, tolerance, "dv");
}

// float32 sums of at most 256 products; bfloat16 rounds what comes out, and y before its product with dy.
double tolerance(at::ScalarType type) {
  return type == at::kFloat ? 4e-6 : 8e-3;
}

std::string name_of(const Case& c) {
  return fmt::format("B{} H{} K{} T{} S{} A{} mask {}", c.batch, c.heads, c.key_heads, c.queries, c.keys, c.width,
                     static_cast<int>(c.mask));
}

class AttentionVersions : public testing::TestWithParam<Version<AttentionKernel>> {
 protected:
  void SetUp() override {
    if (!GetParam().runs_on(cpu_features())) GTEST_SKIP() << "this CPU lacks it";
  }
  // All versions know bfloat16.
  static bool knows(at::ScalarType type) {
    const auto versions = attention_versions();
    return type == at::kBFloat16 || std::any_of(versions.begin(), versions.end(),
                                                [](const auto& version) { return version.name == GetParam().name; });
  }
};

INSTANTIATE_TEST_SUITE_P(All, AttentionVersions,
                         testing::ValuesIn(attention_bfloat16_versions().begin(), attention_bfloat16_versions().end()),
                         [](const auto& version) { return std::string(version.param.name); });

HeadRows rows_of(const Tensor& x, int64_t example, int64_t head) {
  return {.values = x[example][head].mutable_data_ptr(), .head_stride = x.stride(1), .row_stride = x.stride(2)};
}

struct Tiles {
  std::vector<int32_t> table;
  std::vector<float> values;
};

Tiles make_tiles(const AttentionKernel& kernel, const Problem& problem, int64_t example) {
  const int64_t queries = problem.q.size(2), keys = problem.k.size(2);
  Tiles tiles;
  int32_t count = 0;
  for (int64_t query = 0; query < queries; query += kernel.block_queries) {
    for (int64_t key = 0; key < keys; key += kernel.block_keys) {
      const Tensor bias =
          problem.bias.defined() ? problem.bias[problem.bias.size(0) == 1 ? 0 : example][0] : problem.bias;
      const BiasCorner corner{.bias = bias.defined() ? bias.const_data_ptr<float>() + query * keys + key : nullptr,
                              .row_stride = keys,
                              .num_queries = std::min(kernel.block_queries, queries - query),
                              .num_keys = std::min(kernel.block_keys, keys - key),
                              .diagonal = problem.is_causal ? query - key : keys};
      const int32_t kind = kernel.tile_kind(corner);
      tiles.table.push_back(kind == 0 ? count++ : kind);
      if (kind != 0) continue;
      const size_t size = static_cast<size_t>(kernel.block_queries * kernel.block_keys);
      tiles.values.resize(tiles.values.size() + size);
      store_tile(kernel, corner, tiles.values.data() + tiles.values.size() - size);
    }
  }
  return tiles;
}

Result run(const AttentionKernel& kernel, const Problem& problem) {
  const Tensor &q = problem.q, &k = problem.k;
  const int64_t group = q.size(1) / k.size(1), queries = q.size(2), keys = k.size(2), width = q.size(3);
  const auto same = [](const Tensor& x) { return at::full(x.sizes(), NAN, x.options()); };
  const Result result{same(q), same(q), same(k), same(k)};
  const auto type = q.scalar_type() == at::kFloat ? AttentionType::Float32 : AttentionType::BFloat16;
  const Tensor log_sums = at::empty({group, queries});
  const Tensor scratch =
      at::full({std::max(kernel.forward_scratch(keys, width), kernel.backward_scratch(keys, width))}, NAN);
  for (int64_t example = 0; example < q.size(0); ++example) {
    const Tiles tiles = make_tiles(kernel, problem, example);
    for (int64_t key_head = 0; key_head < k.size(1); ++key_head) {
      const int64_t head = key_head * group,
                    blocks = group * ((queries + kernel.block_queries - 1) / kernel.block_queries);
      AttentionWork work{.type = type,
                         .num_queries = queries,
                         .num_keys = keys,
                         .width = width,
                         .num_heads = group,
                         .first_block = 0,
                         .last_block = blocks / 3,
                         .scale = 1 / std::sqrt(static_cast<float>(width)),
                         .tile_table = tiles.table.data(),
                         .tiles = tiles.values.data(),
                         .q = rows_of(q, example, head),
                         .k = rows_of(k, example, key_head),
                         .v = rows_of(problem.v, example, key_head),
                         .y = rows_of(result.y, example, head),
                         .log_sums = log_sums.mutable_data_ptr<float>()};
      kernel.forward(work, scratch.mutable_data_ptr<float>());  // in two parts
      work.first_block = work.last_block;
      work.last_block = blocks;
      kernel.forward(work, scratch.mutable_data_ptr<float>());
      work.first_block = 0;
      kernel.backward({.forward = work,
                       .dy = rows_of(problem.dy, example, head),
                       .dq = rows_of(result.dq, example, head),
                       .dk = rows_of(result.dk, example, key_head),
                       .dv = rows_of(result.dv, example, key_head),
                       .key_gradient_type = type},
                      scratch.mutable_data_ptr<float>());
    }
  }
  return result;
}

TEST_P(AttentionVersions, AsInDouble) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    if (!knows(type)) continue;
    for (const Case& c : kCases) {
      if (c.queries == 0) continue;
      SCOPED_TRACE(name_of(c));
      const Problem problem = make_problem(c, type);
      expect_near(run(*GetParam().kernel, problem), reference(problem), tolerance(type));
    }
  }
}

// Large scores: one key takes everything, or all keys of a block are far below those of another.
TEST_P(AttentionVersions, StandsLargeScores) {
  const auto type = knows(at::kFloat) ? at::kFloat : at::kBFloat16;
  Problem problem = make_problem({1, 1, 1, 50, 140, 32}, type);
  problem.q = problem.q * 30;
  problem.k = problem.k * 30;
  problem.k.slice(2, 0, 70).mul_(0.01);
  const Result expected = reference(problem), actual = run(*GetParam().kernel, problem);
  // Scores of 5000 have an error of 1e-3 in float32.
  const double allowed = std::max(2e-3, tolerance(type));
  expect_near(actual.y, expected.y, allowed, "y");
  expect_near(actual.dv, expected.dv, allowed, "dv");
  EXPECT_TRUE(actual.dq.isfinite().all().item<bool>());
  EXPECT_TRUE(actual.dk.isfinite().all().item<bool>());
}

TEST_P(AttentionVersions, TellsTilesApart) {
  const AttentionKernel& kernel = *GetParam().kernel;
  const Tensor bias = at::zeros({10, 20});
  const auto kind = [&](int64_t diagonal) {
    return kernel.tile_kind({bias.const_data_ptr<float>(), 20, 10, 20, diagonal});
  };
  EXPECT_EQ(kind(19), kTilePlain);
  EXPECT_EQ(kind(18), 0);
  EXPECT_EQ(kind(-9), 0);
  EXPECT_EQ(kind(-10), kTileHidden);
  bias[9][19] = 1;
  EXPECT_EQ(kind(19), 0);
  bias[9][19] = NAN;
  EXPECT_EQ(kind(19), 0);
  bias.fill_(-kInf);
  EXPECT_EQ(kind(19), kTileHidden);
  bias[9][0] = -5;
  EXPECT_EQ(kind(-9), 0);
}

using Signature = Tensor(const Tensor&, const Tensor&, const Tensor&, const std::optional<Tensor>&, bool);

Tensor attention(const Problem& problem, const Tensor& q, const Tensor& k, const Tensor& v) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("molmo::attention", "").typed<Signature>();
  return op.call(q, k, v, problem.bias.defined() ? std::optional(problem.bias) : std::nullopt, problem.is_causal);
}

Result run_operator(const Problem& problem) {
  // Views, as split_heads gives them, of leaves.
  const auto leaf = [](const Tensor& x) { return x.detach().clone().set_requires_grad(true); };
  const Tensor q = leaf(problem.q), k = leaf(problem.k), v = leaf(problem.v);
  const Tensor y = attention(problem, q, k, v);
  y.backward(problem.dy);
  return {y.detach(), q.grad(), k.grad(), v.grad()};
}

TEST(AttentionOp, AsInDouble) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const Case& c : kCases) {
      SCOPED_TRACE(name_of(c));
      const Problem problem = make_problem(c, type);
      const Result actual = run_operator(problem);
      expect_near(actual, reference(problem), tolerance(type));
      EXPECT_EQ(actual.y.scalar_type(), type);
      EXPECT_EQ(actual.dk.scalar_type(), type);
      const Tensor y = attention(problem, problem.q, problem.k, problem.v);
      EXPECT_TRUE(y.equal(actual.y));
      EXPECT_TRUE(y.transpose(1, 2).is_contiguous());
    }
  }
}

TEST(AttentionOp, QueriesThatSeeNothingGiveZerosAndPassNoGradient) {
  Problem problem = make_problem({1, 2, 2, 60, 60, 32}, at::kFloat);
  problem.bias = at::full({1, 1, 60, 60}, -kInf);
  const Result nothing = run_operator(problem);
  for (const Tensor& x : {nothing.y, nothing.dq, nothing.dk, nothing.dv}) EXPECT_TRUE(x.eq(0).all().item<bool>());
  problem.bias.slice(2, 20).fill_(0);
  const Result some = run_operator(problem);
  for (const Tensor& x : {some.y, some.dq}) {
    EXPECT_TRUE(x.slice(2, 0, 20).eq(0).all().item<bool>());
    EXPECT_TRUE(x.slice(2, 20).ne(0).any().item<bool>());
  }
}

TEST(AttentionOp, CallsShareWhatTheyMadeOfABiasUntilItChanges) {
  const Problem problem = make_problem({2, 2, 1, 90, 90, 16, Mask::Packed}, at::kFloat);
  const Tensor q = problem.q.clone().set_requires_grad(true);
  const Tensor first = attention(problem, q, problem.k, problem.v),
               second = attention(problem, q, problem.k, problem.v);
  EXPECT_TRUE(second.equal(first));
  second.backward(problem.dy);
  EXPECT_TRUE(q.grad().equal(run_operator(problem).dq));
  problem.bias.slice(3, 30, 60).fill_(-kInf);  // `first` keeps the tiles of what it was
  const Tensor third = attention(problem, q, problem.k, problem.v);
  EXPECT_FALSE(third.equal(first));
  Problem fresh = problem;
  fresh.bias = problem.bias.clone();
  EXPECT_TRUE(third.equal(attention(fresh, problem.q, problem.k, problem.v)));
}

TEST(AttentionOp, TakesAnExpandedGradientAndGradientsOfSome) {
  const Problem problem = make_problem({2, 2, 1, 20, 20, 8}, at::kFloat);
  const Tensor q = problem.q.clone().set_requires_grad(true);
  attention(problem, q, problem.k, problem.v).sum().backward();
  Problem ones = problem;
  ones.dy = at::ones_like(problem.q);
  expect_near(q.grad(), reference(ones).dq, 4e-6, "dq");
}

TEST(AttentionOp, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  for (const Case& c : {Case{1, 4, 1, 200, 200, 32, Mask::Packed}, Case{5, 4, 4, 60, 60, 16, Mask::Causal}}) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const Problem problem = make_problem(c, type);
      std::vector<Result> results;
      for (const int count : {1, 2, 3}) {
        at::set_num_threads(count);
        results.push_back(run_operator(problem));
      }
      at::set_num_threads(threads);
      for (const Result& result : results) {
        EXPECT_TRUE(result.y.equal(results[0].y));
        EXPECT_TRUE(result.dq.equal(results[0].dq));
        EXPECT_TRUE(result.dk.equal(results[0].dk));
        EXPECT_TRUE(result.dv.equal(results[0].dv));
      }
    }
  }
}

TEST(AttentionOp, RefusesWhatDoesNotFit) {
  const Problem problem = make_problem({1, 4, 2, 6, 6, 8}, at::kFloat);
  const auto refuses = [&](const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias, bool is_causal) {
    Problem other = problem;
    other.bias = bias;
    other.is_causal = is_causal;
    EXPECT_THROW(attention(other, q, k, v), Error);
  };
  const auto [q, k, v] = std::tuple(problem.q, problem.k, problem.v);
  refuses(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {}, false);
  refuses(q, k.to(at::kBFloat16), v, {}, false);
  refuses(q.narrow(1, 0, 3), k, v, {}, false);
  refuses(q, k, v.narrow(2, 0, 5), {}, false);
  refuses(q, k.narrow(2, 0, 5), v.narrow(2, 0, 5), {}, true);
  refuses(q, k, v, at::zeros({1, 4, 6, 6}), false);
  refuses(at::randn({1, 1, 2, 257}), at::randn({1, 1, 2, 257}), at::randn({1, 1, 2, 257}), {}, false);
}

}  // namespace
}  // namespace molmo::kernels
