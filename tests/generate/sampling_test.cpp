#include "generate/sampling.h"

#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "generate/constraints.h"

namespace molmo::generate {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

constexpr int64_t kEosId = 0;

at::Tensor logits_of(const std::vector<float>& probabilities) {
  return at::tensor(probabilities, at::kFloat).log();
}

std::vector<int64_t> ids_of(const std::vector<Candidate>& candidates) {
  std::vector<int64_t> ids;
  for (const auto& candidate : candidates) ids.push_back(candidate.id);
  return ids;
}

std::vector<Candidate> four_candidates() {
  return {{0, 0.1f}, {1, 0.4f}, {2, 0.2f}, {3, 0.3f}};
}

TEST(Filters, KeepTheLikeliestAndScale) {
  auto top_k = four_candidates();
  keep_top_k(top_k, 2);
  EXPECT_THAT(ids_of(top_k), ElementsAre(1, 3));
  EXPECT_THAT(top_k[0].probability, FloatEq(0.4f / 0.7f));

  auto top_p = four_candidates();
  keep_top_p(top_p, 0.65);  // 0.4 + 0.3 is the first sum that reaches it
  EXPECT_THAT(ids_of(top_p), ElementsAre(1, 3));
  auto at_least = four_candidates();
  keep_top_p(at_least, 0.1, 3);
  EXPECT_THAT(ids_of(at_least), ElementsAre(1, 3, 2));

  auto min_p = four_candidates();
  keep_min_p(min_p, 0.5);
  EXPECT_THAT(ids_of(min_p), ElementsAre(1, 3, 2));

  auto too_many = four_candidates();
  keep_top_k(too_many, 100);
  EXPECT_THAT(ids_of(too_many), ElementsAre(1, 3, 2, 0));
}

TEST(Filters, EqualCandidatesStayInTheOrderOfTheirIds) {
  std::vector<Candidate> candidates;
  for (int64_t id = 999; id >= 0; --id) candidates.push_back({id, 0.001f});
  keep_top_p(candidates, 0.1004);
  ASSERT_EQ(candidates.size(), 101u);
  for (int64_t id = 0; id < 101; ++id) EXPECT_EQ(candidates[static_cast<size_t>(id)].id, id);
}

TEST(Draw, FollowsTheProbabilities) {
  const auto candidates = four_candidates();
  RandomStream random(7, "test");
  std::map<int64_t, int> counts;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) ++counts[draw(candidates, random).id];
  for (const auto& candidate : candidates) {
    // Five standard deviations of the binomial distribution.
    const double p = candidate.probability, deviation = std::sqrt(p * (1 - p) * kDraws);
    EXPECT_NEAR(counts[candidate.id], p * kDraws, 5 * deviation) << candidate.id;
  }
}

TEST(Sampler, SameSeedAndStreamGiveTheSameTokens) {
  config::GenerationConfig config{.temperature = 1};
  const at::Tensor logits = logits_of({0.1f, 0.2f, 0.3f, 0.2f, 0.1f, 0.1f});
  auto draws = [&](uint64_t seed, uint64_t stream) {
    config.seed = seed;
    Sampler sampler(config, kEosId, stream);
    std::vector<int64_t> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(sampler.choose(logits, {}).token);
    return tokens;
  };
  EXPECT_EQ(draws(1, 0), draws(1, 0));
  EXPECT_NE(draws(1, 0), draws(2, 0));
  EXPECT_NE(draws(1, 0), draws(1, 1));
}

TEST(Sampler, ColdIsGreedyAndNeverDrawsBlockedTokens) {
  const at::Tensor logits = logits_of({0.5f, 0.2f, 0.3f});
  Sampler cold({.temperature = 1e-30}, kEosId, 0);
  EXPECT_EQ(cold.choose(logits, {}).token, 0);
  EXPECT_FLOAT_EQ(cold.choose(logits, {}).log_probability, std::log(0.5f));

  config::GenerationConfig config{.min_new_tokens = 2, .temperature = 0.5, .no_repeat_ngram = 1};
  Sampler sampler(config, kEosId, 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sampler.choose(logits, std::vector<int64_t>{2}).token, 1);
}

TEST(Sampler, RefusesScoresThatAreNotNumbers) {
  Sampler sampler({}, kEosId, 0);
  EXPECT_THROW(sampler.choose(at::full({4}, NAN), {}), Error);
}

TEST(Constraints, PenaltyMovesGeneratedTokensTowardsUnlikely) {
  std::vector<float> logits = {2, -2, 1, 0};
  const std::vector<int64_t> generated = {0, 1, 0};
  penalize_repetition(logits, generated, 2);
  EXPECT_THAT(logits, ElementsAre(1, -4, 1, 0));
}

TEST(Constraints, BlockWhatWouldRepeatAnNgram) {
  auto blocked = [](const std::vector<int64_t>& generated, int64_t ngram_size) {
    std::vector<float> scores(10, 0);
    block_repeated_ngrams(scores, generated, ngram_size);
    std::vector<int64_t> ids;
    for (size_t id = 0; id < scores.size(); ++id) {
      if (scores[id] == kBlockedScore) ids.push_back(static_cast<int64_t>(id));
    }
    return ids;
  };
  EXPECT_THAT(blocked({3, 5, 3}, 1), ElementsAre(3, 5));
  EXPECT_THAT(blocked({3, 5, 4, 3}, 2), ElementsAre(5));
  EXPECT_THAT(blocked({1, 2, 3, 1, 2, 4, 1, 2}, 3), ElementsAre(3, 4));
  EXPECT_THAT(blocked({1, 1}, 2), ElementsAre(1));
  EXPECT_THAT(blocked({1, 2}, 3), ElementsAre());
  EXPECT_THAT(blocked({1}, 4), ElementsAre());
  EXPECT_THAT(blocked({}, 1), ElementsAre());
}

TEST(Constraints, PenaltyCountsBeforeTheSoftmaxAndBlockingAfterIt) {
  const at::Tensor logits = at::tensor({1.0f, 2.0f, 3.0f}, at::kFloat).unsqueeze(0);
  const std::vector<int64_t> generated = {2};
  const std::vector<std::span<const int64_t>> histories = {generated};
  const at::Tensor log_probs =
      constrained_log_probs(logits, histories, {.min_new_tokens = 2, .repetition_penalty = 3}, kEosId)[0];
  const at::Tensor expected = at::log_softmax(at::tensor({1.0f, 2.0f, 1.0f}, at::kFloat), -1);
  EXPECT_EQ(log_probs[0].item<float>(), kBlockedScore);
  EXPECT_FLOAT_EQ(log_probs[1].item<float>(), expected[1].item<float>());
  EXPECT_FLOAT_EQ(log_probs[2].item<float>(), expected[2].item<float>());
  EXPECT_FLOAT_EQ(logits[0][2].item<float>(), 3) << "the logits of the caller were changed";
}

}  // namespace
}  // namespace molmo::generate
