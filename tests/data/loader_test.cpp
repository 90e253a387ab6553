#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>

#include "base/error.h"

namespace molmo::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Examples "NAME-INDEX"; those whose index is in `bad` cannot be read.
class NumberedDataset final : public Dataset {
 public:
  NumberedDataset(std::string name, size_t size, std::vector<size_t> bad = {},
                  ErrorCategory category = ErrorCategory::BadData)
      : name_(std::move(name)), size_(size), bad_(std::move(bad)), category_(category) {}
  const std::string& name() const override { return name_; }
  size_t size() const override { return size_; }
  Example example(size_t index, RandomStream&) const override {
    if (std::find(bad_.begin(), bad_.end(), index) != bad_.end()) fail(category_, "row {} is broken", index);
    Example example;
    example.id = fmt::format("{}-{}", name_, index);
    return example;
  }

 private:
  std::string name_;
  size_t size_;
  std::vector<size_t> bad_;
  ErrorCategory category_;
};

std::shared_ptr<const Mixture> mixture_of(std::vector<std::shared_ptr<const Dataset>> sets, bool is_random = true) {
  auto mixture = std::make_shared<Mixture>(single_mixture(sets.front(), {.seed = 7, .is_random = is_random}));
  std::vector<uint64_t> sizes;
  mixture->sources.clear();
  for (auto& set : sets) {
    sizes.push_back(set->size());
    mixture->sources.push_back({.name = set->name(), .dataset = set});
  }
  const std::vector<double> rates(sets.size(), 1.0 / static_cast<double>(sets.size()));
  mixture->order = is_random ? SampleOrder::random(sizes, rates, 7) : SampleOrder::sequential(sizes);
  return mixture;
}

std::shared_ptr<const Mixture> two_sets() {
  return mixture_of({std::make_shared<NumberedDataset>("a", 40, std::vector<size_t>{3, 4, 17}),
                     std::make_shared<NumberedDataset>("b", 25)});
}

// The id and one draw; takes longer for some samples than for others, so that workers overtake each other.
std::string describe(const Example& example, RandomStream& draws) {
  const uint64_t draw = draws.below(1000);
  if (draw % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw));
  return fmt::format("{}:{}", example.id, draw);
}

std::vector<std::string> take(Loader<std::string>& loader, size_t count) {
  std::vector<std::string> taken;
  while (taken.size() < count) {
    auto next = loader.next();
    if (!next) break;
    taken.push_back(*next);
  }
  return taken;
}

TEST(Loader, GivesTheSameForAnyNumberOfWorkers) {
  Loader<std::string> alone(two_sets(), describe, {.num_workers = 0});
  const auto expected = take(alone, 300);
  ASSERT_EQ(expected.size(), 300u);
  EXPECT_FALSE(alone.bad_samples().empty());
  for (const int num_workers : {1, 2, 5, 8}) {
    for (const int64_t prefetch : {1, 3, 64}) {
      Loader<std::string> loader(two_sets(), describe, {.num_workers = num_workers, .prefetch = prefetch});
      EXPECT_EQ(take(loader, 300), expected) << num_workers << " workers, " << prefetch << " ahead";
      ASSERT_EQ(loader.bad_samples().size(), alone.bad_samples().size());
      for (size_t i = 0; i < loader.bad_samples().size(); ++i)
        EXPECT_EQ(loader.bad_samples()[i].position, alone.bad_samples()[i].position);
    }
  }
}

TEST(Loader, ResumesAtAnyPosition) {
  Loader<std::string> unbroken(two_sets(), describe, {.num_workers = 2});
  const auto expected = take(unbroken, 200);
  for (const uint64_t stop : {1u, 64u, 131u}) {
    Loader<std::string> resumed(two_sets(), describe, {.num_workers = 3, .first = stop});
    EXPECT_EQ(take(resumed, 200 - stop), std::vector<std::string>(expected.begin() + stop, expected.end()));
  }
}

TEST(Loader, SharesSamplesAmongRanks) {
  Loader<std::string> alone(two_sets(), describe, {.num_workers = 0});
  const auto expected = take(alone, 120);
  for (const int num_ranks : {2, 3, 4}) {
    std::vector<std::string> together(120);
    for (int rank = 0; rank < num_ranks; ++rank) {
      Loader<std::string> loader(two_sets(), describe,
                                 {.num_workers = 2, .end = 120, .rank = rank, .num_ranks = num_ranks});
      const auto share = take(loader, 1000);
      for (size_t i = 0; i < share.size(); ++i) together[i * num_ranks + rank] = share[i];
    }
    EXPECT_EQ(together, expected) << num_ranks << " ranks";
  }
}

TEST(Loader, BeginsWithTheFirstPositionOfItsRank) {
  const auto mixture = mixture_of({std::make_shared<NumberedDataset>("a", 10)}, /*is_random=*/false);
  const auto id = [](const Example& example, RandomStream&) { return example.id; };
  Loader<std::string> loader(mixture, id, {.num_workers = 1, .first = 4, .rank = 1, .num_ranks = 3});
  EXPECT_THAT(take(loader, 10), testing::ElementsAre("a-4", "a-7"));
  Loader<std::string> next(mixture, id, {.num_workers = 1, .first = 5, .rank = 1, .num_ranks = 3});
  EXPECT_THAT(take(next, 10), testing::ElementsAre("a-7"));
}

TEST(Loader, EndsWithAFiniteOrder) {
  const auto mixture =
      mixture_of({std::make_shared<NumberedDataset>("a", 3), std::make_shared<NumberedDataset>("b", 2)},
                 /*is_random=*/false);
  Loader<std::string> loader(mixture, [](const Example& example, RandomStream&) { return example.id; },
                             {.num_workers = 2});
  EXPECT_THAT(take(loader, 100), testing::ElementsAre("a-0", "a-1", "a-2", "b-0", "b-1"));
  EXPECT_FALSE(loader.next());
  EXPECT_FALSE(loader.next());
}

TEST(Loader, ReplacesBadSamplesAndCountsThem) {
  const auto mixture = mixture_of({std::make_shared<NumberedDataset>("a", 20, std::vector<size_t>{2, 9})}, false);
  Loader<std::string> loader(mixture, [](const Example& example, RandomStream&) { return example.id; },
                             {.num_workers = 2});
  const auto taken = take(loader, 20);
  ASSERT_EQ(taken.size(), 20u);
  std::vector<uint64_t> positions;
  for (const BadSample& bad : loader.bad_samples()) {
    positions.push_back(bad.position);
    EXPECT_EQ(bad.source, "a");
    EXPECT_THAT(bad.reason, HasSubstr("is broken"));
    EXPECT_THAT(std::vector<uint64_t>({2, 9}), testing::Contains(bad.index));
  }
  EXPECT_THAT(positions, testing::IsSupersetOf({2, 9}));
  for (size_t i = 0; i < 20; ++i) {
    if (i == 2 || i == 9) {
      EXPECT_THAT(taken[i], testing::AllOf(HasSubstr("a-"), testing::Ne("a-2"), testing::Ne("a-9")));
    } else {
      EXPECT_EQ(taken[i], fmt::format("a-{}", i));
    }
  }
}

TEST(Loader, QuarantinesWhatCannotBePrepared) {
  const auto mixture = mixture_of({std::make_shared<NumberedDataset>("a", 20)}, false);
  const auto refuse_five = [](const Example& example, RandomStream&) -> std::string {
    if (example.id == "a-5") fail(ErrorCategory::InvalidArgument, "too thin");
    return example.id;
  };
  Loader<std::string> loader(mixture, refuse_five, {.num_workers = 2});
  take(loader, 20);
  ASSERT_FALSE(loader.bad_samples().empty());
  EXPECT_EQ(loader.bad_samples().front().id, "a-5");
  EXPECT_EQ(loader.bad_samples().front().reason, "too thin");
}

TEST(Loader, GivesUpWhenNothingIsGood) {
  std::vector<size_t> all(8);
  std::iota(all.begin(), all.end(), 0);
  Loader<std::string> loader(mixture_of({std::make_shared<NumberedDataset>("a", 8, all)}), describe,
                             {.num_workers = 2, .max_replacements = 5});
  EXPECT_THAT([&] { loader.next(); }, ThrowsMessage<Error>(HasSubstr("6 examples in a row cannot be used")));
}

TEST(Loader, CarriesOtherErrorsOverInTheirPlace) {
  for (const int num_workers : {0, 3}) {
    const auto set = std::make_shared<NumberedDataset>("a", 20, std::vector<size_t>{6}, ErrorCategory::Io);
    Loader<std::string> loader(mixture_of({set}, false), describe, {.num_workers = num_workers});
    EXPECT_EQ(take(loader, 6).size(), 6u);
    EXPECT_THAT([&] { loader.next(); }, ThrowsMessage<Error>(HasSubstr("row 6 is broken")));
    EXPECT_THAT([&] { loader.next(); }, ThrowsMessage<Error>(HasSubstr("row 6 is broken")));
  }
}

TEST(Loader, PreparesNoMoreThanItMayAhead) {
  std::atomic<int> num_prepared = 0;
  const auto count = [&](const Example& example, RandomStream&) {
    ++num_prepared;
    return example.id;
  };
  {
    Loader<std::string> loader(two_sets(), count, {.num_workers = 4, .prefetch = 5});
    take(loader, 10);
  }  // the workers have ended
  EXPECT_GE(num_prepared, 10);
  EXPECT_LE(num_prepared, 15);
}

TEST(Loader, RefusesWrongOptions) {
  const auto make = [](const LoaderOptions& options) { Loader<std::string> loader(two_sets(), describe, options); };
  EXPECT_THAT([&] { make({.num_workers = -1}); }, ThrowsMessage<Error>(HasSubstr("num_workers is -1")));
  EXPECT_THAT([&] { make({.prefetch = 0}); }, ThrowsMessage<Error>(HasSubstr("prefetch is 0")));
  EXPECT_THAT([&] { make({.rank = 2, .num_ranks = 2}); }, ThrowsMessage<Error>(HasSubstr("rank is 2")));
}

}  // namespace
}  // namespace molmo::data
