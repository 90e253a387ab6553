#include "generate/beam_search.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace molmo::generate {
namespace {

constexpr int64_t kEos = 0;
constexpr int64_t kVocabulary = 4;

// A toy model: the logits depend on all tokens so far, by a random table that the seed and the tokens choose.
std::vector<float> toy_logits(const std::vector<int64_t>& tokens, uint64_t seed) {
  uint64_t index = 1;
  for (const int64_t token : tokens) index = index * kVocabulary + static_cast<uint64_t>(token);
  RandomStream random(seed, "toy", index);
  std::vector<float> logits;
  for (int64_t i = 0; i < kVocabulary; ++i) logits.push_back(static_cast<float>(random.normal()));
  return logits;
}

// Follows the rows of the search, as a batch of sequences would.
class ToyModel {
 public:
  explicit ToyModel(uint64_t seed) : seed_(seed) {}
  at::Tensor first() { return logits(); }
  at::Tensor step(std::span<const int64_t> parents, std::span<const int64_t> tokens) {
    std::vector<std::vector<int64_t>> next;
    for (size_t i = 0; i < parents.size(); ++i) {
      next.push_back(rows_.at(static_cast<size_t>(parents[i])));
      next.back().push_back(tokens[i]);
    }
    rows_ = std::move(next);
    return logits();
  }

 private:
  at::Tensor logits() const {
    std::vector<at::Tensor> rows;
    for (const auto& row : rows_) rows.push_back(at::tensor(toy_logits(row, seed_), at::kFloat));
    return at::stack(rows);
  }
  uint64_t seed_;
  std::vector<std::vector<int64_t>> rows_ = {{}};
};

std::vector<Beam> search(uint64_t seed, const config::GenerationConfig& config) {
  ToyModel model(seed);
  return search_beams(
      model.first(), [&](auto parents, auto tokens) { return model.step(parents, tokens); }, config, kEos)[0];
}

// Every sequence of at most `max_tokens` tokens that ends with EOS or is that long, filled up with EOS.
void enumerate(std::vector<int64_t> tokens, double score, size_t max_tokens, uint64_t seed, std::vector<Beam>& all) {
  const bool has_ended = !tokens.empty() && tokens.back() == kEos;
  if (has_ended || tokens.size() == max_tokens) {
    tokens.resize(max_tokens, kEos);
    all.push_back({.tokens = tokens, .score = score});
    return;
  }
  const at::Tensor log_probs = at::log_softmax(at::tensor(toy_logits(tokens, seed), at::kDouble), -1);
  for (int64_t token = 0; token < kVocabulary; ++token) {
    std::vector<int64_t> longer = tokens;
    longer.push_back(token);
    enumerate(longer, score + log_probs[token].item<double>(), max_tokens, seed, all);
  }
}

std::vector<Beam> enumerate_best_first(size_t max_tokens, uint64_t seed) {
  std::vector<Beam> all;
  enumerate({}, 0, max_tokens, seed, all);
  std::ranges::sort(all, [](const Beam& a, const Beam& b) { return a.score > b.score; });
  return all;
}

// With as many beams as tokens the first step drops nothing, so two steps must find the best of all sequences.
TEST(BeamSearch, FindsTheBestSequencesWhereNothingIsDropped) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto all = enumerate_best_first(2, seed);
    const auto beams = search(seed, {.max_new_tokens = 2, .num_beams = kVocabulary});
    ASSERT_EQ(beams.size(), static_cast<size_t>(kVocabulary));
    for (size_t i = 0; i < beams.size(); ++i) {
      EXPECT_EQ(beams[i].tokens, all[i].tokens) << "seed " << seed << ", beam " << i;
      EXPECT_NEAR(beams[i].score, all[i].score, 1e-5) << "seed " << seed;
    }
  }
}

TEST(BeamSearch, ScoresAreThoseOfTheSequences) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto all = enumerate_best_first(4, seed);
    for (const int64_t candidates : {1, 2, 4}) {
      const auto beams = search(seed, {.max_new_tokens = 4, .num_beams = 3, .beam_candidates = candidates});
      ASSERT_EQ(beams.size(), 3u);
      for (size_t i = 0; i < beams.size(); ++i) {
        std::vector<int64_t> tokens = beams[i].tokens;
        tokens.resize(4, kEos);  // the search stops early when all beams ended
        const auto found = std::ranges::find(all, tokens, &Beam::tokens);
        ASSERT_NE(found, all.end());
        EXPECT_NEAR(beams[i].score, found->score, 1e-5) << "seed " << seed;
        if (i > 0) {
          EXPECT_LE(beams[i].score, beams[i - 1].score);
        }
      }
    }
  }
}

TEST(BeamSearch, LengthPenaltyCountsOneEos) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto plain = search(seed, {.max_new_tokens = 4, .num_beams = 4});
    const auto scaled = search(seed, {.max_new_tokens = 4, .num_beams = 4, .length_penalty = 0.7});
    for (const auto& beam : scaled) {
      const auto end = std::ranges::find(beam.tokens, kEos);
      const auto length = end - beam.tokens.begin() + (end == beam.tokens.end() ? 0 : 1);
      const auto same = std::ranges::find(plain, beam.tokens, &Beam::tokens);
      ASSERT_NE(same, plain.end());
      EXPECT_NEAR(beam.score, same->score / std::pow(length, 0.7), 1e-6);
    }
  }
}

TEST(BeamSearch, StopsWhenAllBeamsEndedOrTheStepSaysSo) {
  int num_steps = 0;
  const at::Tensor eos_first = at::tensor({50.0f, 0.0f, -1.0f, -2.0f}, at::kFloat);
  const auto always_eos = [&](std::span<const int64_t> parents, std::span<const int64_t>) {
    ++num_steps;
    return eos_first.expand({static_cast<int64_t>(parents.size()), kVocabulary}).clone();
  };
  // The first step starts four different beams; in the second the three others end too.
  const auto beams = search_beams(eos_first.unsqueeze(0), always_eos,
                                  {.max_new_tokens = 9, .num_beams = 4, .beam_candidates = 1}, kEos);
  EXPECT_EQ(num_steps, 1);
  EXPECT_EQ(beams[0][0].tokens, (std::vector<int64_t>{kEos, kEos}));

  num_steps = 0;
  const auto one = search_beams(eos_first.unsqueeze(0), always_eos, {.max_new_tokens = 9, .num_beams = 1}, kEos);
  EXPECT_EQ(num_steps, 0);
  EXPECT_EQ(one[0][0].tokens, (std::vector<int64_t>{kEos}));

  const auto stopped = search_beams(
      eos_first.unsqueeze(0), [](auto, auto) { return at::Tensor(); }, {.max_new_tokens = 9, .num_beams = 2}, kEos);
  EXPECT_EQ(stopped[0][1].tokens, (std::vector<int64_t>{1}));
}

TEST(BeamSearch, RefusesMoreProposalsThanTokens) {
  EXPECT_THROW(search(0, {.num_beams = 5}), Error);
  EXPECT_THROW(search(0, {.num_beams = 2, .beam_candidates = 5}), Error);
}

}  // namespace
}  // namespace molmo::generate
