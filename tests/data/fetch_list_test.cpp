#include "data/fetch_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace molmo::data {
namespace {

using testing::ElementsAre;

TEST(FetchList, NamesFilesByTheUrl) {
  // printf http://a.example/ | sha256sum
  EXPECT_EQ(picture_file_name("http://a.example/"), "217fbabc0e7aa17115435afd966b734a76c85b9b14136b967ba131b42b21e6cb");
}

TEST(FetchList, TakesTheLastHashOfAUrl) {
  FetchList list;
  list.add("http://b.example/", "11", "CC0");
  list.add("http://a.example/");
  list.add("http://b.example/", "22");
  const auto items = list.sorted();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].url, "http://a.example/");
  EXPECT_EQ(items[1].sha256, "22");
  EXPECT_EQ(items[1].licence, "CC0");
}

TEST(FetchList, ShufflesAsTheReference) {
  FetchList list;
  for (int i = 0; i < 12; ++i) list.add("http://host" + std::to_string(i) + ".example/picture");
  std::vector<std::string> hosts;
  for (const FetchItem& item : list.shuffled()) hosts.push_back(item.url.substr(11, item.url.find('.') - 11));
  // numpy 2.4.6: urls.sort(); numpy.random.RandomState(58713).shuffle(urls)
  EXPECT_THAT(hosts, ElementsAre("2", "7", "3", "11", "8", "5", "9", "4", "0", "10", "1", "6"));
}

}  // namespace
}  // namespace molmo::data
