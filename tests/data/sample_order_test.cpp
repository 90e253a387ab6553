// The order of samples against numpy 2: RandomState.choice with the rates in float32, and RandomState.shuffle.
#include "data/sample_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/json.h"
#include "fixtures.h"
#include "molmo/error.h"

namespace molmo::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::map<uint64_t, Sample> kMixed = {
    {0, {2, 62, 0}},       {1, {2, 0, 0}},         {2, {1, 186, 0}},       {3, {1, 249, 0}},       {4, {2, 47, 0}},
    {5, {2, 46, 0}},       {6, {1, 19, 0}},        {7, {2, 23, 0}},        {8, {1, 52, 0}},        {9, {2, 35, 0}},
    {10, {0, 3, 0}},       {11, {0, 4, 0}},        {255, {2, 52, 1}},      {256, {2, 34, 1}},      {257, {1, 89, 0}},
    {65535, {1, 22, 109}}, {65536, {1, 126, 109}}, {131071, {0, 4, 3925}}, {200000, {1, 113, 334}}};

SampleOrder mixed() {
  return SampleOrder::random({5, 300, 70}, {0.15, 0.5, 0.35}, 50189);
}

TEST(SampleOrder, IsThatOfTheReference) {
  const SampleOrder order = mixed();
  EXPECT_FALSE(order.size());
  for (const auto& [n, sample] : kMixed) EXPECT_EQ(order.at(n), sample) << n;
}

TEST(SampleOrder, IsTheSameFromAnyStart) {
  for (const auto& [n, sample] : kMixed) EXPECT_EQ(mixed().at(n), sample) << n;
  const SampleOrder backwards = mixed();
  for (auto it = kMixed.rbegin(); it != kMixed.rend(); ++it) EXPECT_EQ(backwards.at(it->first), it->second);
}

TEST(SampleOrder, OfOneSetIsItsPermutations) {
  const SampleOrder order = SampleOrder::random({7}, {1}, 95818);
  const std::vector<uint64_t> first = {4, 3, 0, 2, 5, 1, 6};
  for (uint64_t n = 0; n < 7; ++n) EXPECT_EQ(order.at(n), (Sample{0, first[n], 0}));
  EXPECT_EQ(order.at(7), (Sample{0, 3, 1}));
  EXPECT_EQ(order.at(8), (Sample{0, 6, 1}));
  EXPECT_EQ(order.at(1000), (Sample{0, 3, 142}));
}

TEST(SampleOrder, TakesEveryExampleOnceAnEpoch) {
  const SampleOrder order = mixed();
  std::map<std::pair<uint32_t, uint64_t>, std::multiset<uint64_t>> epochs;
  for (uint64_t n = 0; n < 5000; ++n) {
    const Sample sample = order.at(n);
    epochs[{sample.source, sample.epoch}].insert(sample.index);
  }
  for (const auto& [key, indices] : epochs) {
    const bool is_complete = epochs.contains({key.first, key.second + 1});
    EXPECT_EQ(std::set<uint64_t>(indices.begin(), indices.end()).size(), indices.size());
    if (is_complete) {
      EXPECT_EQ(indices.size(), order.sizes()[key.first]);
    }
  }
}

TEST(SampleOrder, IsTheSameForSeveralThreads) {
  const SampleOrder alone = mixed(), shared = mixed();
  std::vector<Sample> samples(200000);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t n = t; n < samples.size(); n += 4) samples[n] = shared.at(n);
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t n = 0; n < samples.size(); n += 97) ASSERT_EQ(samples[n], alone.at(n)) << n;
}

TEST(SampleOrder, SequentialGoesThroughSetAfterSet) {
  const SampleOrder order = SampleOrder::sequential({2, 0, 3});
  EXPECT_EQ(order.size(), 5u);
  EXPECT_EQ(order.at(1), (Sample{0, 1, 0}));
  EXPECT_EQ(order.at(2), (Sample{2, 0, 0}));
  EXPECT_EQ(order.at(4), (Sample{2, 2, 0}));
  EXPECT_THAT([&] { order.at(5); }, ThrowsMessage<Error>(HasSubstr("sample 5 was asked for, but the order has 5")));
}

TEST(SampleOrder, RefusesWhatItCannotDraw) {
  EXPECT_THAT(
      [] {
        SampleOrder::random({3, 0}, {1, 1}, 0);
      },
      ThrowsMessage<Error>(HasSubstr("1 of the mixture has 0")));
  EXPECT_THAT([] { SampleOrder::random({3}, {-1}, 0); }, ThrowsMessage<Error>(HasSubstr("rate of data set 0 is -1")));
  EXPECT_THAT([] { SampleOrder::random({3}, {1}, uint64_t{1} << 32); }, ThrowsMessage<Error>(HasSubstr("seed is")));
  EXPECT_THAT([] { SampleOrder::random({}, {}, 0); }, ThrowsMessage<Error>(HasSubstr("0 sizes")));
}

TEST(SamplingRates, AreThoseOfTheReference) {
  const Json document = read_json_file(test::fixture_path("formatting/mixture_rates.json"));
  size_t num_rates = 0;
  for (const Json& item : document["cases"]) {
    std::vector<GroupShares> groups;
    std::vector<std::string> names;
    for (const Json& group : item["groups"]) {
      groups.push_back({.rate = group["rate"], .sources = {}});
      for (const Json& set : group["datasets"]) {
        names.push_back(set["name"]);
        groups.back().sources.push_back({.size = set["as_size"].is_null() ? set["size"] : set["as_size"]});
      }
    }
    const std::vector<double> rates = sampling_rates(groups);
    ASSERT_EQ(rates.size(), names.size());
    for (size_t i = 0; i < names.size(); ++i, ++num_rates)
      EXPECT_NEAR(rates[i], item["expected"][names[i]].get<double>(), 1e-12) << names[i];
  }
  EXPECT_GT(num_rates, 20u);
}

TEST(SamplingRates, FollowGivenRatesWithinAGroup) {
  const std::vector<GroupShares> groups = {{.rate = 3, .sources = {{.size = 9}, {.size = 81}}},
                                           {.rate = 1, .sources = {{.size = 5, .rate = 1}, {.size = 5, .rate = 3}}}};
  EXPECT_THAT(sampling_rates(groups), testing::ElementsAre(testing::DoubleEq(0.75 / 4), testing::DoubleEq(0.75 * 3 / 4),
                                                           testing::DoubleEq(0.25 / 4), testing::DoubleEq(0.1875)));
  const std::vector<GroupShares> mixed = {{.rate = 1, .sources = {{.size = 5, .rate = 1}, {.size = 5}}}};
  EXPECT_THAT([&] { sampling_rates(mixed); }, ThrowsMessage<Error>(HasSubstr("give all of them one, or none")));
}

}  // namespace
}  // namespace molmo::data
