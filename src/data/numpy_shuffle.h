// Permutations as numpy's RandomState draws them: splits that the reference carves out of training data depend on them.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace molmo::data {

// Puts `items` into the order that numpy.random.RandomState(seed).shuffle(items) gives a list.
template <class Item>
void numpy_shuffle(std::vector<Item>& items, uint32_t seed) {
  std::mt19937 generator(seed);
  for (size_t last = items.size(); last-- > 1;) {
    // A uniform number of at most `last`: as many low bits as that has, drawn again while they are too many.
    uint32_t mask = static_cast<uint32_t>(last);
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    uint32_t drawn = 0;
    do {
      drawn = static_cast<uint32_t>(generator()) & mask;
    } while (drawn > last);
    std::swap(items[last], items[drawn]);
  }
}

}  // namespace molmo::data
