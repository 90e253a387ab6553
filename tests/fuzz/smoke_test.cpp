// Every fuzz target on its seeds, which must be accepted, and on a few thousand damaged copies of them, which must be
// accepted or refused with an Error. The fuzz programs themselves need Clang; this runs everywhere.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

constexpr int kDamagesPerSeed = 400;

// Cuts, flips, overwrites with extreme values, repeats a piece, or takes one out: one to four times.
std::string damage(std::string bytes, const std::string& other, RandomStream& random) {
  static const std::string kExtremes[] = {std::string(8, '\xff'),
                                          std::string(8, '\0'),
                                          "\x7f\xff\xff\xff",
                                          "-1",
                                          "1e308",
                                          "18446744073709551615",
                                          "\"",
                                          "[[[[",
                                          "{",
                                          "\n"};
  for (uint64_t count = 1 + random.below(4); count > 0 && !bytes.empty(); --count) {
    const size_t at = random.below(bytes.size());
    const size_t length = random.below(std::min<size_t>(bytes.size() - at, 16) + 1);
    switch (random.below(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 2:
        bytes.replace(at, length, kExtremes[random.below(std::size(kExtremes))]);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.erase(at, length);
        break;
      default:
        bytes.replace(at, length, other.substr(random.below(other.size()), length));
        break;
    }
  }
  return bytes;
}

class FuzzSmoke : public testing::TestWithParam<std::string> {};

TEST_P(FuzzSmoke, AcceptsItsSeeds) {
  const Target& each = target(GetParam());
  for (const auto& seed : each.seeds()) EXPECT_NO_THROW(each.run(seed)) << seed;
}

TEST_P(FuzzSmoke, RefusesDamageWithAnErrorOrNotAtAll) {
  const Target& each = target(GetParam());
  const auto seeds = each.seeds();
  RandomStream random(1, "fuzz smoke");
  int num_refused = 0;
  for (const auto& seed : seeds) {
    for (int i = 0; i < kDamagesPerSeed; ++i) {
      const std::string input = damage(seed, seeds[random.below(seeds.size())], random);
      try {
        each.run(input);
      } catch (const Error& error) {
        EXPECT_NE(error.category(), ErrorCategory::Internal) << error.what();
        EXPECT_STRNE(error.what(), "");
        ++num_refused;
      }
    }
  }
  const bool accepts_all = each.name == "points";  // any text may have points
  EXPECT_EQ(num_refused == 0, accepts_all);
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& each : targets()) names.emplace_back(each.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzSmoke, testing::ValuesIn(names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace molmo::fuzz
