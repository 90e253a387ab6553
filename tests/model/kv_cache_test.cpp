#include "model/kv_cache.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "golden_case.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

class KvCacheTest : public testing::Test {
 protected:
  // Hidden states of x[:, begin:end] behind what the cache holds.
  at::Tensor decode(KvCache& cache, int64_t begin, int64_t end) const {
    return molmo_.decode(x_.slice(1, begin, end), {}, &cache);
  }
  void expect_rest_equals(KvCache& cache, int64_t begin, const at::Tensor& whole) const {
    test::expect_close(decode(cache, begin, x_.size(1)), whole.slice(1, begin), 1e-5, "rest of the sequence");
  }

  const at::NoGradGuard no_grad_;
  config::ModelConfig config_ = test::tiny_config();
  Molmo molmo_{config_, test::random_weights(config_)};
  at::Tensor x_ = test::random_tensor({2, 12, config_.decoder.width}, 9);
  at::Tensor whole_ = molmo_.decode(x_, {});
};

TEST_F(KvCacheTest, TokenByTokenEqualsTheWholeSequence) {
  KvCache cache(config_.decoder.num_layers);
  std::vector<at::Tensor> parts;
  for (int64_t token = 0; token < 12; ++token) {
    EXPECT_EQ(cache.length(), token);
    parts.push_back(decode(cache, token, token + 1));
  }
  test::expect_close(at::cat(parts, 1), whole_, 1e-5, "token by token");
}

TEST_F(KvCacheTest, PrefillInChunksEqualsTheWholeSequence) {
  for (int64_t chunk : {2, 3, 5, 7, 12}) {
    KvCache cache(config_.decoder.num_layers);
    std::vector<at::Tensor> parts;
    for (int64_t token = 0; token < 12; token += chunk) parts.push_back(decode(cache, token, token + chunk));
    test::expect_close(at::cat(parts, 1), whole_, 1e-5, "in chunks");
    EXPECT_EQ(cache.length(), 12);
  }
}

TEST_F(KvCacheTest, GrowsBeyondItsFirstCapacity) {
  const at::Tensor x = test::random_tensor({1, 700, config_.decoder.width}, 10);
  const at::Tensor whole = molmo_.decode(x, {});
  KvCache cache(config_.decoder.num_layers);
  std::vector<at::Tensor> parts;
  for (int64_t token = 0; token < 700; token += 140) {
    parts.push_back(molmo_.decode(x.slice(1, token, token + 140), {}, &cache));
  }
  test::expect_close(at::cat(parts, 1), whole, 1e-5, "grown cache");
  const int64_t bytes_per_token = config_.decoder.num_layers * 2 * config_.decoder.kv_width() * 4;
  EXPECT_GE(cache.num_bytes(), 700 * bytes_per_token);
  EXPECT_LE(cache.num_bytes(), 1100 * bytes_per_token);
}

TEST_F(KvCacheTest, ForgetsWhatIsTruncated) {
  KvCache cache(config_.decoder.num_layers);
  decode(cache, 0, 6);
  molmo_.decode(test::random_tensor({2, 4, config_.decoder.width}, 11), {}, &cache);  // another continuation
  cache.truncate(6);
  EXPECT_EQ(cache.length(), 6);
  expect_rest_equals(cache, 6, whole_);
  cache.truncate(0);
  EXPECT_THROW(cache.truncate(1), Error);
  EXPECT_THROW(cache.truncate(-1), Error);
  const at::Tensor alone = molmo_.decode(x_.narrow(0, 1, 1), {}, &cache);  // an empty cache takes any batch
  test::expect_close(alone, whole_.narrow(0, 1, 1), 1e-5, "another batch");
}

TEST_F(KvCacheTest, SelectsRows) {
  KvCache cache(config_.decoder.num_layers);
  decode(cache, 0, 6);
  cache.select(at::tensor(std::vector<int64_t>{1, 0, 1}, at::kLong));
  const at::Tensor rest = x_.slice(1, 6);
  const at::Tensor hidden = molmo_.decode(at::cat({rest.narrow(0, 1, 1), rest, rest.narrow(0, 1, 1)})
                                              .index_select(0, at::tensor(std::vector<int64_t>{0, 1, 3}, at::kLong)),
                                          {}, &cache);
  test::expect_close(hidden[0], whole_[1].slice(0, 6), 1e-5, "row 1");
  test::expect_close(hidden[1], whole_[0].slice(0, 6), 1e-5, "row 0");
  test::expect_close(hidden[2], whole_[1].slice(0, 6), 1e-5, "row 1 again");
  EXPECT_THROW(cache.select(test::ids({3})[0]), Error);
  EXPECT_THROW(cache.select(test::ids({-1})[0]), Error);
}

TEST_F(KvCacheTest, ClonesAreIndependent) {
  KvCache cache(config_.decoder.num_layers);
  decode(cache, 0, 6);
  KvCache copy = cache.clone();
  molmo_.decode(test::random_tensor({2, 4, config_.decoder.width}, 12), {}, &cache);
  EXPECT_EQ(copy.length(), 6);
  expect_rest_equals(copy, 6, whole_);
}

// What is cached is rounded once: to 11 bits of float16, or 8 of bfloat16. The prompt comes in pieces, then tokens.
TEST_F(KvCacheTest, SixteenBitsHoldTheRoundedValuesInHalfTheMemory) {
  const at::Tensor keys = test::random_tensor({2, 2, 40, 8}, 21), values = test::random_tensor({2, 2, 40, 8}, 22);
  KvCache whole(1);
  whole.append(0, keys.slice(2, 0, 24), values.slice(2, 0, 24));
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    KvCache cache(1, type);
    cache.append(0, keys.slice(2, 0, 24), values.slice(2, 0, 24));
    const auto [held_keys, held_values] = cache.clone().append(0, keys.slice(2, 24), values.slice(2, 24));
    EXPECT_TRUE(at::equal(held_keys, keys.to(type)));
    EXPECT_TRUE(at::equal(held_values, values.to(type)));
    EXPECT_EQ(cache.num_bytes(), whole.num_bytes() / 2);
  }
  EXPECT_THROW(KvCache(1, at::kChar), Error);

  KvCache undecided(1), decided(1, at::kFloat);
  EXPECT_TRUE(at::equal(undecided.append(0, keys, values, at::kHalf).first, keys.to(at::kHalf)));
  EXPECT_TRUE(at::equal(decided.append(0, keys, values, at::kHalf).first, keys));
}

// Each value is off by half of its last bit at most: in all, the hidden states by a few times that.
TEST_F(KvCacheTest, SixteenBitsAnswerAlike) {
  const at::Tensor x = test::random_tensor({1, 40, config_.decoder.width}, 13);
  const at::Tensor whole = molmo_.decode(x, {});
  for (const auto& [type, rounding] : {std::pair{at::kHalf, 0x1p-11}, {at::kBFloat16, 0x1p-8}}) {
    KvCache cache(config_.decoder.num_layers, type);
    std::vector<at::Tensor> parts = {molmo_.decode(x.slice(1, 0, 20), {}, &cache),
                                     molmo_.decode(x.slice(1, 20, 32), {}, &cache)};
    for (int64_t token = 32; token < 40; ++token)
      parts.push_back(molmo_.decode(x.slice(1, token, token + 1), {}, &cache));
    const double error = (at::cat(parts, 1) - whole).norm().item<double>() / whole.norm().item<double>();
    EXPECT_GT(error, 0);
    EXPECT_LT(error, 4 * rounding) << toString(type);
  }
}

TEST_F(KvCacheTest, RefusesAnotherBatchAndGradients) {
  KvCache cache(config_.decoder.num_layers);
  decode(cache, 0, 6);
  EXPECT_THROW(molmo_.decode(x_.narrow(0, 0, 1), {}, &cache), Error);
  const at::AutoGradMode with_gradients(true);
  at::Tensor x = x_.slice(1, 6).clone();
  x.requires_grad_(true);
  EXPECT_THROW(molmo_.decode(x, {}, &cache), Error);
  EXPECT_EQ(cache.length(), 6);
}

}  // namespace
}  // namespace molmo::model
