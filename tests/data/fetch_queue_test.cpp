#include "data/fetch_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace molmo::data {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const FetchQueue::Time kStart{};

std::vector<size_t> pop_all(FetchQueue& queue, FetchQueue::Time now) {
  std::vector<size_t> items;
  while (const auto item = queue.pop(now)) items.push_back(*item);
  return items;
}

TEST(FetchQueue, LimitsRequestsPerHostAndKeepsTheOrder) {
  FetchQueue queue({.max_per_host = 2});
  const std::vector<std::string> hosts = {"a", "a", "a", "b", "a", "b", "c"};
  for (size_t item = 0; item < hosts.size(); ++item) queue.push(item, hosts[item]);
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre(0, 1, 3, 5, 6));
  EXPECT_EQ(queue.num_waiting(), 2u);
  queue.succeed(3);
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre());
  queue.fail(1);
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre(2));
  queue.succeed(0);
  queue.succeed(2);
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre(4));
  EXPECT_EQ(queue.num_waiting(), 0u);
}

TEST(FetchQueue, KeepsThePauseThatAHostAsksFor) {
  FetchQueue queue({.max_per_host = 2});
  for (size_t item = 0; item < 6; ++item) queue.push(item, item == 5 ? "other" : "busy");
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre(0, 1, 5));
  queue.retry(0, milliseconds(7000), kStart);
  queue.retry(1, milliseconds(3000), kStart + seconds(1));  // sooner than what was asked before
  EXPECT_THAT(pop_all(queue, kStart + milliseconds(6999)), ElementsAre());
  EXPECT_EQ(queue.next_ready(), kStart + seconds(7));
  // One at a time after a pause, then one more with each success.
  EXPECT_THAT(pop_all(queue, kStart + seconds(7)), ElementsAre(1));
  queue.succeed(1);
  EXPECT_THAT(pop_all(queue, kStart + seconds(7)), ElementsAre(0, 2));
  queue.succeed(0);
  EXPECT_THAT(pop_all(queue, kStart + seconds(7)), ElementsAre(3));
  EXPECT_EQ(queue.next_ready(), std::nullopt);
}

TEST(FetchQueue, GrowsPausesThatNobodyNamed) {
  FetchQueue queue({.max_per_host = 1, .first_wait = milliseconds(1000), .max_wait = milliseconds(20000)});
  queue.push(0, "a");
  FetchQueue::Time now = kStart;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(queue.pop(now), 0u);
    queue.retry(0, std::nullopt, now);
    const auto wait = *queue.next_ready() - now;
    const double grown = 1000.0 * (1 << i);
    EXPECT_GE(wait, milliseconds(static_cast<int>(std::min(0.5 * grown - 1, 20000.0)))) << i;
    EXPECT_LE(wait, milliseconds(static_cast<int>(std::min(1.5 * grown, 20000.0)))) << i;
    now += wait;
  }
  ASSERT_EQ(queue.pop(now), 0u);
  queue.succeed(0);
  queue.push(1, "a");
  ASSERT_EQ(queue.pop(now), 1u);
  queue.retry(1, std::nullopt, now);
  EXPECT_LE(*queue.next_ready() - now, milliseconds(1500)) << "a success ends the growth";
}

TEST(FetchQueue, SeveralComplaintsOfOneMomentAreOne) {
  FetchQueue queue({.max_per_host = 4, .first_wait = milliseconds(1000)});
  for (size_t item = 0; item < 4; ++item) queue.push(item, "a");
  EXPECT_EQ(pop_all(queue, kStart).size(), 4u);
  for (size_t item = 0; item < 4; ++item) queue.retry(item, std::nullopt, kStart);
  EXPECT_LE(*queue.next_ready() - kStart, milliseconds(1500));
}

TEST(FetchQueue, GivesUpAHost) {
  FetchQueue queue({.max_per_host = 2});
  for (size_t item = 0; item < 5; ++item) queue.push(item, item == 4 ? "b" : "a");
  EXPECT_THAT(pop_all(queue, kStart), ElementsAre(0, 1, 4));
  EXPECT_THAT(queue.give_up_host(0), UnorderedElementsAre(0, 2, 3));
  EXPECT_EQ(queue.num_waiting(), 0u);
  EXPECT_THAT(queue.give_up_host(1), ElementsAre(1));
  queue.succeed(4);
  EXPECT_THAT(pop_all(queue, kStart + seconds(1000)), ElementsAre());
}

TEST(FetchQueue, RefusesALimitOfNone) {
  EXPECT_THROW(FetchQueue({.max_per_host = 0}), Error);
}

}  // namespace
}  // namespace molmo::data
