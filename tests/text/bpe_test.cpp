// The two ways of encoding a word against the definition: join the best pair, start over.
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace molmo::text {
namespace {

using Ids = std::vector<int64_t>;

// Merges over the bytes a to e: token i < 256 is a byte, the others are the merges in a random order, so that a merge
// may rank before those that make its halves.
struct RandomMerges {
  explicit RandomMerges(uint64_t seed, int32_t num_merges = 44) : stream(seed, "bpe") {
    std::vector<std::array<int32_t, 3>> rules;
    std::vector<int32_t> tokens = {'a', 'b', 'c', 'd', 'e'};
    for (int32_t merged = 256; merged < 256 + num_merges; ++merged) {
      rules.push_back({pick(tokens), pick(tokens), merged});
      tokens.push_back(merged);
    }
    for (size_t i = rules.size(); i > 1; --i) std::swap(rules[i - 1], rules[stream.below(i)]);
    for (const auto& rule : rules)
      ranks[{rule[0], rule[1]}] = {num_rules++, rule[2]};  // a later rank replaces an earlier
    std::array<int32_t, 256> bytes;
    for (int32_t i = 0; i < 256; ++i) bytes[i] = i;
    bytes['x'] = -1;
    bpe.emplace(bytes, rules.size());
    for (const auto& rule : rules) bpe->add_merge(rule[0], rule[1], rule[2]);
  }

  int32_t pick(const std::vector<int32_t>& tokens) { return tokens[stream.below(tokens.size())]; }

  std::string word(size_t size) {
    std::string out;
    for (size_t i = 0; i < size; ++i) out.push_back("abcde"[stream.below(5)]);
    return out;
  }

  Ids by_definition(const std::string& word) const {
    Ids ids(word.begin(), word.end());
    while (true) {
      size_t best = ids.size();
      std::pair<int, int32_t> best_rule;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto rule = ranks.find({static_cast<int32_t>(ids[i]), static_cast<int32_t>(ids[i + 1])});
        if (rule != ranks.end() && (best == ids.size() || rule->second.first < best_rule.first)) {
          best = i;
          best_rule = rule->second;
        }
      }
      if (best == ids.size()) return ids;
      ids[best] = best_rule.second;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
  }

  RandomStream stream;
  std::map<std::pair<int32_t, int32_t>, std::pair<int, int32_t>> ranks;
  int num_rules = 0;
  std::optional<Bpe> bpe;
};

TEST(Bpe, JoinsTheBestPairFirst) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    RandomMerges merges(seed);
    for (size_t size : {0, 1, 2, 3, 7, 20, 47, 48, 49, 50, 80, 300}) {
      const std::string word = merges.word(size);
      Ids ids = {7};  // what is there already stays
      merges.bpe->encode(word, ids);
      Ids expected = merges.by_definition(word);
      expected.insert(expected.begin(), 7);
      ASSERT_EQ(ids, expected) << "seed " << seed << " word " << word;
    }
  }
}

// Long enough that merges of high ranks wait outside of the heap.
TEST(Bpe, JoinsTheBestPairFirstInLongWords) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    RandomMerges merges(seed, 3000);
    const std::string word = merges.word(4200);
    Ids ids;
    merges.bpe->encode(word, ids);
    ASSERT_EQ(ids, merges.by_definition(word)) << "seed " << seed;
  }
}

TEST(Bpe, JoinsRunsFromTheLeft) {
  std::array<int32_t, 256> bytes;
  for (int32_t i = 0; i < 256; ++i) bytes[i] = i;
  Bpe bpe(bytes, 2);
  bpe.add_merge('a', 'a', 256);
  bpe.add_merge(256, 256, 257);
  for (size_t size : {5, 101}) {
    Ids ids, expected(size / 4, 257);
    bpe.encode(std::string(size, 'a'), ids);
    expected.push_back('a');
    EXPECT_EQ(ids, expected);
  }
}

TEST(Bpe, LosesBytesWithoutToken) {
  const RandomMerges merges(1);
  Ids ids;
  merges.bpe->encode("xaxx", ids);
  EXPECT_EQ(ids, Ids{'a'});
}

}  // namespace
}  // namespace molmo::text
